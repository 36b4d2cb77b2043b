//! What is kept and how, beside the code that keeps it.

mod restart;
mod store;
