//! AWS's wire protocols, as every service uses them: how a request is read, and how an answer or an error is
//! framed.
//!
//! AWS speaks several protocols side by side. JSON 1.0 and 1.1 name the operation in `X-Amz-Target`
//! and the error in the body's `__type`; the query protocol (IAM, STS) takes a form and answers XML;
//! REST-JSON (API Gateway, Lambda) uses paths, and names the error in a header. SDKs take the error's
//! code from those places only, never from the HTTP status, so each must be exact.
//!
//! | file | what it does |
//! |---|---|
//! | `request` | a request, read whole, and the readable part of its signature |
//! | `form` | the query protocol's forms; percent-encoding |
//! | `response` | an answer, in each protocol's frame |
//! | `error` | a service's error, in each protocol's frame |
//! | `text` | XML text, dates, random ids |

mod error;
mod form;
mod request;
mod response;
mod text;

pub(crate) use error::ServiceError;
pub(crate) use form::{Form, decode, encode, parse_form};
pub(crate) use request::{Request, Signature, has_tags};
pub(crate) use response::{Response, ServerAction};
pub(crate) use text::{element, escape, iso8601, random_id};
