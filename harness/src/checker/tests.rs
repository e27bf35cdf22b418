//! Each checker is seen to pass, to fail, and to say that it does not know, on runs that are written by hand.

mod atomicity;
mod availability;
mod balancer;
mod convergence;
mod durability;
mod read_only;

use super::script::{Script, assert_status};
use crate::trace::event::OpKind;
use crate::verdict::Status::{Fail, Pass, Unknown};
