//! How results are shown: as Markdown and as a page.

mod chart;
mod markdown;
mod page;
mod wins;

pub use self::{markdown::markdown, page::page};
