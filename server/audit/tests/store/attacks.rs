//! Each test changes a copy of a whole store the way somebody with the disk and without keys can.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use llm_shield_audit::{
    AuditError, AuditLog, AuditOptions, Checkpoint, Problem, Query, Trust, VerifyOptions,
};
use llm_shield_cloud::CloudKeyManager;

use crate::support::{
    Home, SIGNING_KEY, Segment, copy_directory, fix_checksum, length, record, tenant, verify,
};

const SEGMENTS: u64 = 4;

/// Two tenants with four closed segments of five records each; a copy to attack, and an older state of the whole store.
struct Scene {
    home: Home,
    older: PathBuf,
    attacked: PathBuf,
}

impl Scene {
    async fn new() -> Self {
        let home = Home::new();
        let mut older = PathBuf::new();
        for run in 0..SEGMENTS {
            let log = home.log().await;
            for number in 0..5 {
                for name in ["acme", "other"] {
                    log.append(record(name, &format!("{run}-{number}"))).await.unwrap();
                }
            }
            log.close().await.unwrap();
            if run == 1 {
                older = home.copy("older");
            }
        }
        let attacked = home.copy("attacked");
        assert_eq!(verify(&home.reader_of(&attacked).await).await.problem, None);
        assert_eq!(verify(&home.public_reader_of(&attacked).await).await.problem, None);
        Self { home, older, attacked }
    }

    fn segment(&self, number: u64) -> Segment {
        Segment::read(&self.attacked, "acme", number)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.attacked.join("outbox").join(file)
    }

    /// Restores the copy for the next attack.
    fn restore(&self) {
        fs::remove_dir_all(&self.attacked).unwrap();
        copy_directory(&self.home.store_path(), &self.attacked);
    }

    /// Returns what a verification finds; with the public key alone and with all keys it must be the same.
    async fn problem(&self) -> Problem {
        let public = verify(&self.home.public_reader_of(&self.attacked).await).await;
        let public = public.problem.expect("unseen without keys");
        let keyed =
            verify(&self.home.reader_of(&self.attacked).await).await.problem.expect("unseen with keys");
        assert_eq!(public.object, keyed.object, "{} / {}", public.what, keyed.what);
        public
    }

    async fn found_at(&self, object: &str) {
        let problem = self.problem().await;
        assert_eq!(problem.object, format!("outbox/{object}"), "{}", problem.what);
        self.restore();
    }
}

fn rename(from: &Path, to: &Path) {
    fs::rename(from, to).unwrap();
}

/// Swaps two segments with everything that belongs to them.
fn swap_segments(scene: &Scene, one: u64, other: u64) {
    for suffix in ["seg", "idx", "checkpoint"] {
        let path = |number| Segment::path_in(&scene.attacked, "acme", number).with_extension(suffix);
        rename(&path(one), &scene.path("aside"));
        rename(&path(other), &path(one));
        rename(&scene.path("aside"), &path(other));
    }
}

#[tokio::test]
async fn a_changed_byte_anywhere() {
    let scene = Scene::new().await;
    let public = scene.home.public_reader_of(&scene.attacked).await;
    for file in [
        "acme/00000002.seg",
        "acme/00000002.idx",
        "acme/00000002.checkpoint",
        "acme/checkpoint",
        "acme/tenant.key",
        "LOGS",
        "ID",
    ] {
        let path = scene.path(file);
        let whole = fs::read(&path).unwrap();
        for position in (0..whole.len()).step_by(if whole.len() > 1000 { 31 } else { 3 }) {
            let mut changed = whole.clone();
            changed[position] ^= 0x20;
            fs::write(&path, changed).unwrap();
            let problem = verify(&public).await.problem.unwrap_or_else(|| panic!("{file} byte {position}"));
            // Without the right id nothing else fits.
            let object = format!("outbox/{file}");
            assert!(
                file == "ID" || problem.object.starts_with(&object),
                "{file} byte {position}: {problem:?}"
            );
        }
        fs::write(&path, &whole).unwrap();
        let mut changed = whole.clone();
        changed[whole.len() / 2] ^= 1;
        fs::write(&path, changed).unwrap();
        scene.problem().await;
        fs::write(&path, &whole).unwrap();
    }
}

#[tokio::test]
async fn an_edited_record_with_its_checksum_made_right() {
    let scene = Scene::new().await;
    for (position, field) in [(12, "sequence"), (20, "time"), (30, "id"), (45, "nonce"), (120, "ciphertext")]
    {
        let mut segment = scene.segment(2);
        segment.frames[2][position] ^= 1;
        fix_checksum(&mut segment.frames[2]);
        segment.write();
        let problem = scene.problem().await;
        assert_eq!(problem.object, "outbox/acme/00000002.seg record 7", "{field}: {problem:?}");
        scene.restore();
    }
}

#[tokio::test]
async fn an_edit_with_everything_unsigned_made_right() {
    let scene = Scene::new().await;
    let mut segment = scene.segment(4);
    segment.frames[1][120] ^= 1;
    segment.forge();
    segment.write();
    segment.forge_index();
    // What names the record was rewritten too: the checkpoint signs neither.
    scene.found_at("acme/00000004.idx").await;
    let mut segment = scene.segment(4);
    segment.frames[1][120] ^= 1;
    segment.forge();
    segment.write();
    fs::remove_file(segment.path.with_extension("idx")).unwrap();
    scene.found_at("acme/00000004.idx").await;
}

#[tokio::test]
async fn a_dropped_record() {
    let scene = Scene::new().await;
    for (dropped, found) in [(0, 15), (2, 17)] {
        for forge in [false, true] {
            let mut segment = scene.segment(4);
            segment.frames.remove(dropped);
            if forge {
                segment.forge();
            }
            segment.write();
            scene.found_at(&format!("acme/00000004.seg record {found}")).await;
        }
    }
    for number in [2, 4] {
        let mut segment = scene.segment(number);
        segment.frames.pop();
        segment.write();
        let problem = scene.problem().await;
        let (left, signed) = (number * 5 - 1, number * 5);
        let what = format!("the segment ends after {left} records, and its checkpoint signs {signed}");
        assert_eq!((problem.object, problem.what), (format!("outbox/acme/{number:08}.seg"), what));
        scene.restore();
    }
}

#[tokio::test]
async fn a_cut_tail() {
    let scene = Scene::new().await;
    let path = scene.path("acme/00000004.seg");
    let whole = fs::read(&path).unwrap();
    for cut in [1, 10, 100, whole.len() - 40, whole.len()] {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        assert!(scene.problem().await.object.starts_with("outbox/acme/00000004.seg"));
    }
    fs::write(&path, [whole.as_slice(), b"more"].concat()).unwrap();
    scene.found_at("acme/00000004.seg record 20").await;
}

#[tokio::test]
async fn swapped_duplicated_and_inserted_records() {
    let scene = Scene::new().await;
    for forge in [false, true] {
        let change = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
            let mut segment = scene.segment(3);
            change(&mut segment.frames);
            if forge {
                segment.forge();
            }
            segment.write();
        };
        change(&|frames| frames.swap(1, 2));
        scene.found_at("acme/00000003.seg record 11").await;
        change(&|frames| frames.insert(2, frames[1].clone()));
        scene.found_at("acme/00000003.seg record 12").await;
        change(&|frames| frames.push(frames[4].clone()));
        scene.found_at("acme/00000003.seg record 15").await;
        change(&|frames| frames.insert(0, frames[4].clone()));
        scene.found_at("acme/00000003.seg record 10").await;
        // The ciphertext of one record under the clear fields of another.
        change(&|frames| {
            let moved = frames[2][40..].to_vec();
            frames[1].truncate(40);
            frames[1].extend(moved);
            let length = (length(&frames[1]) - 8).to_be_bytes();
            frames[1][..4].copy_from_slice(&length);
            fix_checksum(&mut frames[1]);
        });
        scene.found_at("acme/00000003.seg record 11").await;
    }
}

#[tokio::test]
async fn a_record_from_another_tenant_or_segment() {
    let scene = Scene::new().await;
    for foreign in [Segment::read(&scene.attacked, "other", 3), scene.segment(2)] {
        for forge in [false, true] {
            let mut segment = scene.segment(3);
            segment.frames[3] = foreign.frames[3].clone();
            if forge {
                segment.forge();
            }
            segment.write();
            scene.found_at("acme/00000003.seg record 13").await;
        }
    }
}

#[tokio::test]
async fn segments_dropped_reordered_or_from_another_tenant() {
    let scene = Scene::new().await;
    for number in 1..SEGMENTS {
        fs::remove_file(Segment::path_in(&scene.attacked, "acme", number)).unwrap();
        scene.found_at(&format!("acme/{number:08}.seg")).await;
    }
    // The last, with all that belongs to it or without.
    for suffixes in [&["seg", "idx", "checkpoint"][..], &["seg"], &["seg", "checkpoint"]] {
        for suffix in suffixes {
            fs::remove_file(Segment::path_in(&scene.attacked, "acme", SEGMENTS).with_extension(suffix))
                .unwrap();
        }
        let problem = scene.problem().await;
        assert!(problem.object.starts_with("outbox/acme/0000000"), "{problem:?}");
        scene.restore();
    }
    let path = |number| Segment::path_in(&scene.attacked, "acme", number);
    // Dropped, and the ones behind it moved up.
    for suffix in ["seg", "idx", "checkpoint"] {
        fs::remove_file(path(2).with_extension(suffix)).unwrap();
        rename(&path(3).with_extension(suffix), &path(2).with_extension(suffix));
        rename(&path(4).with_extension(suffix), &path(3).with_extension(suffix));
    }
    scene.found_at("acme/00000002.checkpoint").await;
    swap_segments(&scene, 2, 3);
    scene.found_at("acme/00000002.checkpoint").await;
    rename(&path(2), &scene.path("aside"));
    rename(&path(3), &path(2));
    rename(&scene.path("aside"), &path(3));
    scene.found_at("acme/00000002.seg").await;
    fs::copy(Segment::path_in(&scene.attacked, "other", 3), path(3)).unwrap();
    scene.found_at("acme/00000003.seg").await;
    fs::remove_file(path(3).with_extension("checkpoint")).unwrap();
    scene.found_at("acme/00000003.checkpoint").await;
    let older = scene.older.join("outbox/acme/00000002.checkpoint");
    fs::copy(&older, path(3).with_extension("checkpoint")).unwrap();
    scene.found_at("acme/00000003.checkpoint").await;
}

#[tokio::test]
async fn changed_headers() {
    let scene = Scene::new().await;
    // Behind the magic: version, algorithm, segment, created, records before, their edge, tenant, key, wrapped key.
    let end = scene.segment(4).header.len();
    for position in [9, 10, 18, 20, 26, 34, 40, 130, 166, 172, 190, end - 40, end - 5] {
        for forge in [false, true] {
            let mut segment = scene.segment(4);
            segment.header[position] ^= 1;
            if forge {
                segment.forge();
            }
            segment.write();
            let problem = scene.problem().await;
            assert_eq!(problem.object, "outbox/acme/00000004.seg", "{position} {problem:?}");
            scene.restore();
        }
    }
}

#[tokio::test]
async fn a_wrapped_key_moved_from_another_segment() {
    let scene = Scene::new().await;
    let wrapped = |segment: &Segment| segment.header.len() - 4 - 71..segment.header.len() - 4;
    let from = scene.segment(3);
    let mut to = scene.segment(4);
    let range = wrapped(&to);
    to.header[range].copy_from_slice(&from.header[wrapped(&from)]);
    to.forge();
    to.write();
    scene.found_at("acme/00000004.seg").await;
    fs::copy(scene.path("other/tenant.key"), scene.path("acme/tenant.key")).unwrap();
    scene.found_at("acme/tenant.key").await;
}

#[tokio::test]
async fn whole_logs_dropped_rolled_back_or_exchanged() {
    let scene = Scene::new().await;
    fs::remove_dir_all(scene.path("acme")).unwrap();
    scene.found_at("acme").await;
    // An older, in itself whole state of one log.
    fs::remove_dir_all(scene.path("acme")).unwrap();
    copy_directory(&scene.older.join("outbox/acme"), &scene.path("acme"));
    let problem = scene.problem().await;
    assert!(problem.what.contains("outbox/LOGS signs 20"), "{problem:?}");
    scene.restore();
    fs::copy(scene.older.join("outbox/acme/checkpoint"), scene.path("acme/checkpoint")).unwrap();
    for suffix in ["seg", "idx", "checkpoint"] {
        fs::remove_file(Segment::path_in(&scene.attacked, "acme", 4).with_extension(suffix)).unwrap();
    }
    scene.found_at("acme/00000003.seg").await;
    fs::remove_file(scene.path("acme/checkpoint")).unwrap();
    scene.found_at("acme/checkpoint").await;
    fs::copy(scene.path("other/checkpoint"), scene.path("acme/checkpoint")).unwrap();
    scene.found_at("acme/checkpoint").await;
    fs::remove_file(scene.path("LOGS")).unwrap();
    scene.found_at("LOGS").await;
    fs::remove_file(scene.path("ID")).unwrap();
    assert_eq!(scene.problem().await.what, "the writer's id is missing, and there are logs");
    scene.restore();
    rename(&scene.path("acme"), &scene.path("third"));
    scene.found_at("acme").await;
    copy_directory(&scene.path("acme"), &scene.path("third"));
    scene.found_at("third/checkpoint").await;
    fs::remove_dir_all(scene.path("acme")).unwrap();
    copy_directory(&scene.path("other"), &scene.path("acme"));
    scene.found_at("acme/checkpoint").await;
}

/// Cuts the tail of a log by its second segment, with a checkpoint that was signed before that was begun.
fn cut_to_first_segment(store: &Path) {
    let first = Segment::path_in(store, "acme", 1);
    fs::copy(first.with_extension("checkpoint"), first.with_file_name("checkpoint")).unwrap();
    for suffix in ["seg", "idx", "checkpoint"] {
        drop(fs::remove_file(Segment::path_in(store, "acme", 2).with_extension(suffix)));
    }
}

#[tokio::test]
async fn a_tail_cut_behind_an_idle_writer() {
    const INTERVAL: Duration = Duration::from_millis(100);
    let home = Home::new();
    let log = home.log().await;
    log.append(record("acme", "0")).await.unwrap();
    log.close().await.unwrap();
    let options = || AuditOptions { checkpoint_interval: INTERVAL, ..home.options() };
    let attack = async |name: &str| {
        let store = home.copy(name);
        assert_eq!(verify(&home.public_reader_of(&store).await).await.problem, None);
        cut_to_first_segment(&store);
        verify(&home.public_reader_of(&store).await).await.problem
    };
    let log = AuditLog::open(options()).await.unwrap();
    log.append(record("acme", "1")).await.unwrap();
    log.signed(&tenant("acme"), 2).await;
    // Nothing is appended any more, and nobody closes the log.
    tokio::time::sleep(INTERVAL * 8).await;
    let problem = attack("idle").await.unwrap();
    assert!(problem.what.contains("outbox/LOGS signs 2"), "{problem:?}");
    let listed = fs::read(home.store_path().join("outbox/LOGS")).unwrap();
    tokio::time::sleep(INTERVAL * 8).await;
    assert_eq!(
        fs::read(home.store_path().join("outbox/LOGS")).unwrap(),
        listed,
        "it is not signed for nothing"
    );

    // A crash between a checkpoint and the list: the next start catches up, though the log does not move.
    log.close().await.unwrap();
    fs::remove_dir_all(home.store_path()).unwrap();
    let log = home.log().await;
    log.append(record("acme", "0")).await.unwrap();
    log.close().await.unwrap();
    let behind = fs::read(home.store_path().join("outbox/LOGS")).unwrap();
    let log = home.log().await;
    log.append(record("acme", "1")).await.unwrap();
    log.close().await.unwrap();
    fs::write(home.store_path().join("outbox/LOGS"), behind).unwrap();
    assert_eq!(attack("crashed").await, None, "before the next start it is unseen");
    let log = AuditLog::open(options()).await.unwrap();
    tokio::time::sleep(INTERVAL * 8).await;
    assert!(attack("started").await.is_some());
    log.close().await.unwrap();
}

#[tokio::test]
async fn the_whole_store_put_back_shows_against_a_checkpoint_kept_elsewhere() {
    let scene = Scene::new().await;
    let key = scene.home.keys.public_key(SIGNING_KEY).await.unwrap();
    let trust = Trust::of([(SIGNING_KEY.to_owned(), key)].into());
    let kept = Checkpoint::open(&fs::read(scene.path("acme/checkpoint")).unwrap(), &trust).unwrap();
    fs::remove_dir_all(&scene.attacked).unwrap();
    copy_directory(&scene.older, &scene.attacked);
    let store = scene.home.public_reader_of(&scene.attacked).await;
    assert_eq!(verify(&store).await.problem, None, "in itself it is whole");
    let options = VerifyOptions { checkpoints: vec![kept.clone()], ..VerifyOptions::default() };
    let problem = store.verify(options, |_| ()).await.unwrap().problem.unwrap();
    assert!(problem.what.contains("a given checkpoint signs 20"), "{problem:?}");
    // And an honest store still is the one that an older checkpoint signs.
    let older = fs::read(scene.older.join("outbox/acme/checkpoint")).unwrap();
    let older = Checkpoint::open(&older, &trust).unwrap();
    let store = scene.home.public_reader_of(&scene.home.store_path()).await;
    let options = VerifyOptions { checkpoints: vec![older, kept], ..VerifyOptions::default() };
    assert_eq!(store.verify(options, |_| ()).await.unwrap().problem, None);
}

#[tokio::test]
async fn a_forked_log() {
    let scene = Scene::new().await;
    // The writer itself, with all keys, goes on from an older state: two logs of one name.
    let forked = scene.home.directory.path().join("forked");
    copy_directory(&scene.older, &forked);
    for run in 2..SEGMENTS {
        let options = AuditOptions { directory: forked.clone(), ..scene.home.options() };
        let log = AuditLog::open(options).await.unwrap();
        for number in 0..5 {
            for name in ["acme", "other"] {
                log.append(record(name, &format!("{run}-{number}"))).await.unwrap();
            }
        }
        log.close().await.unwrap();
    }
    assert_eq!(verify(&scene.home.public_reader_of(&forked).await).await.problem, None);
    fs::copy(forked.join("outbox/acme/checkpoint"), scene.path("acme/checkpoint")).unwrap();
    let problem = scene.problem().await;
    assert!(problem.what.contains("the log was forked"), "{problem:?}");
    scene.restore();
    fs::copy(forked.join("outbox/acme/00000004.checkpoint"), scene.path("acme/00000004.checkpoint")).unwrap();
    scene.found_at("acme/00000004.checkpoint").await;
}

#[tokio::test]
async fn everything_rewritten_under_other_keys() {
    let scene = Scene::new().await;
    let forger = Scene::new().await;
    fs::remove_dir_all(&scene.attacked).unwrap();
    copy_directory(&forger.home.store_path(), &scene.attacked);
    let problem = scene.problem().await;
    assert_eq!(problem.object, "outbox/LOGS");
    assert!(problem.what.starts_with("it is signed under another key of a trusted name"), "{problem:?}");
    assert!(problem.what.contains("move it back"), "{problem:?}");
    scene.restore();
    // One checkpoint signed again, its text as it was.
    fs::copy(forger.attacked.join("outbox/acme/checkpoint"), scene.path("acme/checkpoint")).unwrap();
    scene.found_at("acme/checkpoint").await;
    // Under a key that the key manager knows and nobody trusts: a retired one, say.
    scene.home.keys.ensure_signing_key("elsewhere").unwrap();
    fs::remove_dir_all(&scene.attacked).unwrap();
    let options = AuditOptions {
        directory: scene.attacked.clone(),
        signing_key_id: "elsewhere".to_owned(),
        ..scene.home.options()
    };
    let log = AuditLog::open(options).await.unwrap();
    log.append(record("acme", "forged")).await.unwrap();
    log.close().await.unwrap();
    assert_eq!(scene.problem().await.what, "it is signed under a key that is not trusted");
}

#[tokio::test]
async fn nothing_is_appended_to_or_read_from_a_broken_log() {
    let scene = Scene::new().await;
    let mut segment = scene.segment(4);
    segment.frames[1][120] ^= 1;
    fix_checksum(&mut segment.frames[1]);
    segment.write();
    let options = AuditOptions { directory: scene.attacked.clone(), ..scene.home.options() };
    let error = AuditLog::open(options).await.unwrap_err();
    assert!(
        matches!(&error, AuditError::Corrupt { object, .. } if object.contains("00000004.seg")),
        "{error}"
    );
    let store = scene.home.reader_of(&scene.attacked).await;
    let mut stream = store.query(Query::of(tenant("acme"))).unwrap();
    let mut read = 0;
    let error = loop {
        match stream.next().await.unwrap() {
            Ok(_) => read += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, AuditError::Corrupt { .. }));
    assert_eq!(read, 16);
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn one_tenants_verification_says_nothing_of_another() {
    let scene = Scene::new().await;
    fs::remove_file(Segment::path_in(&scene.attacked, "acme", 2)).unwrap();
    let store = scene.home.reader_of(&scene.attacked).await;
    let of = |name: &str| VerifyOptions { tenant: Some(tenant(name)), ..VerifyOptions::default() };
    let whole = store.verify(of("other"), |_| ()).await.unwrap();
    assert_eq!((whole.problem, whole.tenants, whole.records), (None, 1, 20));
    let broken = store.verify(of("acme"), |_| ()).await.unwrap();
    assert_eq!(broken.problem.unwrap().object, "outbox/acme/00000002.seg");
    let unknown = store.verify(of("nobody"), |_| ()).await.unwrap();
    assert_eq!((unknown.problem, unknown.tenants), (None, 0));
}
