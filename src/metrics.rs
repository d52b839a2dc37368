//! Every metric's name, help and labels, once.
