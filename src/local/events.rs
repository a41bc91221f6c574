//! The JSON that API Gateway hands to a function.
