//! What the suites share: chance, a plain model, the states a run has been in, a driver for both.

pub(crate) mod alone;
pub(crate) mod cuts;
pub(crate) mod damaged;
pub(crate) mod dice;
pub(crate) mod driver;
pub(crate) mod history;
pub(crate) mod judge;
pub(crate) mod manners;
pub(crate) mod model;
pub(crate) mod observe;
