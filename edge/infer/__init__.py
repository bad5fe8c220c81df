"""Running a model: the only room where int8 meets real numbers."""
