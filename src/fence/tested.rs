//! stub while the rest is built
