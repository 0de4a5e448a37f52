use std::sync::atomic::AtomicBool;

use super::*;
use crate::CloudError;

/// A provider that answers slowly, counts, and fails on demand.
#[derive(Default)]
struct Provider {
    asked: AtomicU64,
    away: AtomicBool,
    denied: AtomicBool,
}

#[async_trait]
impl FetchSecret for Provider {
    async fn fetch(&self, name: &str) -> Result<SecretValue> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        let what = name.to_owned();
        if self.denied.load(Ordering::SeqCst) {
            return Err(CloudError::AccessDenied { what, source: None });
        }
        if self.away.load(Ordering::SeqCst) {
            return Err(CloudError::Unavailable { what, source: None });
        }
        Ok(SecretValue::from_string(format!("value {number}")))
    }
}

#[tokio::test]
async fn a_thousand_reads_are_one_fetch() {
    let reader = Arc::new(SecretReader::new(Duration::from_secs(300), Duration::ZERO));
    let provider = Arc::new(Provider::default());
    let readers: Vec<_> = (0..1000)
        .map(|_| {
            let (reader, provider) = (Arc::clone(&reader), Arc::clone(&provider));
            tokio::spawn(async move { reader.get("a", &*provider).await.unwrap() })
        })
        .collect();
    for value in readers {
        assert_eq!(value.await.unwrap().as_string().unwrap(), "value 0");
    }
    assert_eq!((provider.asked.load(Ordering::SeqCst), reader.fetches()), (1, 1));
    assert!(reader.flights.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_failure_is_shared_and_not_kept() {
    let reader = SecretReader::new(Duration::from_secs(300), Duration::from_secs(300));
    let provider = Provider::default();
    provider.away.store(true, Ordering::SeqCst);
    let (one, other) = tokio::join!(reader.get("a", &provider), reader.get("a", &provider));
    assert!(one.unwrap_err().is_transient() && other.unwrap_err().is_transient());
    assert_eq!(reader.fetches(), 1);
    provider.away.store(false, Ordering::SeqCst);
    assert_eq!(reader.get("a", &provider).await.unwrap().as_string().unwrap(), "value 1");
}

#[tokio::test]
async fn an_outage_is_bridged_and_a_refusal_is_not() {
    let reader = SecretReader::new(Duration::ZERO, Duration::from_secs(300));
    let provider = Provider::default();
    reader.get("a", &provider).await.unwrap();
    provider.away.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        assert_eq!(reader.get("a", &provider).await.unwrap().as_string().unwrap(), "value 0");
    }
    assert_eq!(reader.fetches(), 2, "while it is away the provider is not asked each time");
    reader.cache.extend("a", Duration::ZERO);
    provider.denied.store(true, Ordering::SeqCst);
    assert!(matches!(reader.get("a", &provider).await, Err(CloudError::AccessDenied { .. })));
    provider.denied.store(false, Ordering::SeqCst);
    assert!(reader.get("a", &provider).await.is_err(), "what was refused is forgotten");
}

#[tokio::test]
async fn what_is_too_old_is_not_served() {
    let reader = SecretReader::new(Duration::ZERO, Duration::ZERO);
    let provider = Provider::default();
    reader.get("a", &provider).await.unwrap();
    provider.away.store(true, Ordering::SeqCst);
    assert!(reader.get("a", &provider).await.unwrap_err().is_transient());
}

#[tokio::test]
async fn a_reader_that_gives_up_does_not_stop_the_others() {
    let reader = SecretReader::new(Duration::from_secs(300), Duration::ZERO);
    let provider = Provider::default();
    let gave_up = tokio::time::timeout(Duration::from_millis(5), reader.get("a", &provider)).await;
    assert!(gave_up.is_err());
    assert_eq!(reader.get("a", &provider).await.unwrap().as_string().unwrap(), "value 1");
}

/// A provider whose answers are taken when they are asked for, and arrive when they may.
struct Slow {
    current: Mutex<&'static str>,
    asked: tokio::sync::Notify,
    arrive: tokio::sync::Semaphore,
}

#[async_trait]
impl FetchSecret for Slow {
    async fn fetch(&self, _name: &str) -> Result<SecretValue> {
        let value = self.current.lock().unwrap().to_owned();
        self.asked.notify_one();
        self.arrive.acquire().await.unwrap().forget();
        Ok(SecretValue::from_string(value))
    }
}

#[tokio::test]
async fn whoever_comes_after_a_change_is_not_told_what_was_before() {
    let reader = Arc::new(SecretReader::new(Duration::from_secs(300), Duration::ZERO));
    let asked = tokio::sync::Notify::new();
    let provider =
        Arc::new(Slow { current: Mutex::new("old"), asked, arrive: tokio::sync::Semaphore::new(0) });
    let read = || {
        let (reader, provider) = (Arc::clone(&reader), Arc::clone(&provider));
        tokio::spawn(async move { reader.get("a", &*provider).await.unwrap() })
    };
    let before = read();
    provider.asked.notified().await;
    *provider.current.lock().unwrap() = "new";
    reader.cache().invalidate("a");
    let after = read();
    provider.asked.notified().await;
    provider.arrive.add_permits(2);
    assert_eq!(before.await.unwrap().as_string().unwrap(), "old");
    assert_eq!(after.await.unwrap().as_string().unwrap(), "new");
    assert_eq!(reader.get("a", &*provider).await.unwrap().as_string().unwrap(), "new");
    assert!(reader.flights.lock().unwrap().is_empty());
}
