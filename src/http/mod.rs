//! Routes over the published view.
