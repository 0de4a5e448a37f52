use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};

use crate::cbor;

/// What goes wrong with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    Pass,
    /// The service answers with an error: its code, and the status.
    Error(&'static str, u16),
    /// The service answers with a status and nothing else, as load balancers do.
    Status(u16),
    /// The connection is closed without an answer.
    Reset,
    /// No answer comes for so long, and then the connection is closed.
    Hang(Duration),
    /// The answer breaks off in the middle.
    HalfBody,
    /// The second half of the answer comes after so long.
    SlowBody(Duration),
    /// What is asked for is done, and the answer lost.
    LostAnswer,
}

/// Returns an error as the protocol of the request has it.
pub(crate) fn error(request: &Request<Bytes>, code: &str, status: u16) -> Response<Bytes> {
    let status = StatusCode::from_u16(status).unwrap();
    let response = Response::builder().status(status).header("x-amzn-requestid", "fault");
    let message = "made by the test";
    if cbor::is_cbor(request) {
        let error = serde_json::json!({"__type": code, "message": message});
        let response =
            response.header("smithy-protocol", "rpc-v2-cbor").header("content-type", "application/cbor");
        return response.body(cbor::encode(&error)).unwrap();
    }
    if request.headers().contains_key("x-amz-target") {
        let error = serde_json::json!({"__type": code, "message": message}).to_string();
        return response.header("content-type", "application/x-amz-json-1.1").body(error.into()).unwrap();
    }
    let error =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
    response.header("content-type", "application/xml").body(error.into()).unwrap()
}
