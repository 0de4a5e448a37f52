//! CloudWatch's protocol (Smithy RPC v2 CBOR) in terms of the one that moto knows (JSON 1.0).

use std::io::Read as _;

use bytes::Bytes;
use ciborium::value::{Integer, Value as Cbor};
use http::{HeaderValue, Request, Response};
use serde_json::{Map, Number, Value as Json};

/// Returns whether a request is in that protocol.
pub(crate) fn is_cbor(request: &Request<Bytes>) -> bool {
    request.headers().get("smithy-protocol").is_some_and(|protocol| protocol == "rpc-v2-cbor")
}

/// Turns a request into one that moto knows.
pub(crate) fn to_json_request(request: &mut Request<Bytes>) {
    // /service/GraniteServiceVersion20100801/operation/PutMetricData
    let parts: Vec<&str> = request.uri().path().split('/').collect();
    let target = format!("{}.{}", parts.get(2).unwrap_or(&""), parts.get(4).unwrap_or(&""));
    let mut body = request.body().to_vec();
    if request.headers_mut().remove("content-encoding").is_some() {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut plain).unwrap();
        body = plain;
    }
    let json = if body.is_empty() {
        Json::Object(Map::new())
    } else {
        from_cbor(&ciborium::from_reader::<Cbor, _>(body.as_slice()).unwrap())
    };
    *request.uri_mut() = "/".parse().unwrap();
    *request.body_mut() = json.to_string().into();
    let headers = request.headers_mut();
    headers.remove("smithy-protocol");
    headers.insert("x-amz-target", HeaderValue::from_str(&target).unwrap());
    headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
}

/// Turns moto's answer into one that the SDK knows.
pub(crate) fn from_json_response(response: &mut Response<Bytes>) {
    let json = serde_json::from_slice(response.body()).unwrap_or_else(|_empty| Json::Object(Map::new()));
    *response.body_mut() = encode(&json);
    let headers = response.headers_mut();
    headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    headers.insert("content-type", HeaderValue::from_static("application/cbor"));
}

/// Writes JSON down as CBOR.
pub(crate) fn encode(json: &Json) -> Bytes {
    let mut bytes = Vec::new();
    ciborium::into_writer(&to_cbor("", json), &mut bytes).unwrap();
    bytes.into()
}

fn from_cbor(value: &Cbor) -> Json {
    match value {
        Cbor::Integer(number) => Json::Number(Number::from_i128(i128::from(*number)).unwrap()),
        Cbor::Float(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
        Cbor::Text(text) => Json::String(text.clone()),
        Cbor::Bool(value) => Json::Bool(*value),
        // The only tag is that of a time.
        Cbor::Tag(_, value) => from_cbor(value),
        Cbor::Array(values) => values.iter().map(from_cbor).collect(),
        Cbor::Map(entries) => {
            let entry = |(name, value): &(Cbor, Cbor)| Some((name.as_text()?.to_owned(), from_cbor(value)));
            Json::Object(entries.iter().filter_map(entry).collect())
        }
        _ => Json::Null,
    }
}

fn to_cbor(name: &str, value: &Json) -> Cbor {
    match value {
        Json::Null => Cbor::Null,
        Json::Bool(value) => Cbor::Bool(*value),
        Json::Number(number) if name == "Timestamp" => {
            Cbor::Tag(1, Box::new(Cbor::Float(number.as_f64().unwrap())))
        }
        Json::Number(number) => match number.as_i64() {
            Some(number) => Cbor::Integer(Integer::from(number)),
            None => Cbor::Float(number.as_f64().unwrap()),
        },
        Json::String(text) => Cbor::Text(text.clone()),
        Json::Array(values) => Cbor::Array(values.iter().map(|value| to_cbor(name, value)).collect()),
        Json::Object(entries) => Cbor::Map(
            entries.iter().map(|(name, value)| (Cbor::Text(name.clone()), to_cbor(name, value))).collect(),
        ),
    }
}
