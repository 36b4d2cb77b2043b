//! Who may change groups, roles and members: case by case, as an attacker would, and at random.

mod attacks;
mod authors;
mod cases;
mod founding;
mod random;
mod settings;
pub(crate) mod world;
