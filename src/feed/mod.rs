//! Bytes to inputs or rejections. Holds no state and knows no points.
