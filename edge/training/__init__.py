"""From pictures to a bundle, on a host."""
