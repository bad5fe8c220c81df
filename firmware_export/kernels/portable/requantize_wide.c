/* Some sum here is too large for the short way. */
#define requantize_channel requantize_double
