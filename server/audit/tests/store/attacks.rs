//! Each test changes a copy of a whole store the way somebody with the disk and without keys can.

use std::fs;
use std::path::{Path, PathBuf};

use llm_shield_audit::{AuditError, AuditLog, AuditOptions, Problem, Query};

use crate::support::{Home, Segment, copy_directory, fix_checksum, record, tenant, verify};

const SEGMENTS: u64 = 4;

/// Two tenants with four closed segments each; a copy to attack, and an older state of the whole store.
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
        self.attacked.join("scan-results").join(file)
    }

    /// Restores the copy for the next attack.
    fn restore(&self) {
        fs::remove_dir_all(&self.attacked).unwrap();
        copy_directory(&self.home.store_path(), &self.attacked);
    }

    /// Returns what a verification with keys finds; without keys it must find something too.
    async fn problem(&self) -> Problem {
        let public = verify(&self.home.public_reader_of(&self.attacked).await).await;
        assert!(public.problem.is_some(), "unseen without keys");
        verify(&self.home.reader_of(&self.attacked).await).await.problem.expect("unseen with keys")
    }

    async fn found_at(&self, object: &str) {
        let problem = self.problem().await;
        assert_eq!(problem.object, format!("scan-results/{object}"), "{}", problem.what);
        self.restore();
    }
}

fn rename(from: &Path, to: &Path) {
    fs::rename(from, to).unwrap();
}

#[tokio::test]
async fn a_changed_byte_anywhere() {
    let scene = Scene::new().await;
    let keyed = scene.home.reader_of(&scene.attacked).await;
    let public = scene.home.public_reader_of(&scene.attacked).await;
    for file in ["acme/00000002.seg", "acme/00000004.seg", "acme/HEAD", "LOGS"] {
        let path = scene.path(file);
        let whole = fs::read(&path).unwrap();
        for position in (0..whole.len()).step_by(7) {
            let mut changed = whole.clone();
            changed[position] ^= 0x20;
            fs::write(&path, changed).unwrap();
            assert!(verify(&public).await.problem.is_some(), "{file} byte {position} without keys");
            assert!(verify(&keyed).await.problem.is_some(), "{file} byte {position} with keys");
        }
        fs::write(&path, &whole).unwrap();
    }
    let path = scene.path("acme/digest.key");
    let mut changed = fs::read(&path).unwrap();
    changed[20] ^= 1;
    fs::write(&path, changed).unwrap();
    assert_eq!(verify(&keyed).await.problem.unwrap().object, "scan-results/acme/digest.key");
}

#[tokio::test]
async fn an_edited_record_with_its_checksum_made_right() {
    let scene = Scene::new().await;
    for (position, field) in [(17, "time"), (30, "id"), (75, "nonce"), (120, "ciphertext")] {
        let mut segment = scene.segment(2);
        segment.frames[2][position] ^= 1;
        fix_checksum(&mut segment.frames[2]);
        segment.write();
        let public = verify(&scene.home.public_reader_of(&scene.attacked).await).await.problem.unwrap();
        // Without keys the chain shows it at the latest where the next record follows.
        assert!(["record 7", "record 8"].iter().any(|record| public.object.ends_with(record)), "{public:?}");
        let problem = scene.problem().await;
        // Far in the future, a changed time makes the record after it look back-dated.
        let expected = ["scan-results/acme/00000002.seg record 7", "scan-results/acme/00000002.seg record 8"];
        assert!(expected.contains(&problem.object.as_str()), "{field}: {problem:?}");
        scene.restore();
    }
}

#[tokio::test]
async fn an_edit_with_the_whole_chain_made_right() {
    let scene = Scene::new().await;
    let mut segment = scene.segment(4);
    segment.frames[1][120] ^= 1;
    segment.forge_chain();
    segment.write();
    scene.found_at("acme/00000004.seg record 16").await;
}

#[tokio::test]
async fn a_dropped_record() {
    let scene = Scene::new().await;
    for (dropped, found) in [(0, 15), (2, 17)] {
        let mut segment = scene.segment(4);
        segment.frames.remove(dropped);
        segment.write();
        scene.found_at(&format!("acme/00000004.seg record {found}")).await;
        let mut segment = scene.segment(4);
        segment.frames.remove(dropped);
        segment.forge_chain();
        segment.write();
        scene.found_at(&format!("acme/00000004.seg record {found}")).await;
    }
    let mut segment = scene.segment(4);
    segment.frames.pop();
    segment.write();
    let problem = scene.problem().await;
    assert!(problem.what.contains("the log ends after 19 records, and HEAD signs 20"), "{problem:?}");
    scene.restore();
    let mut segment = scene.segment(2);
    segment.frames.pop();
    segment.write();
    scene.found_at("acme/00000003.seg").await;
}

#[tokio::test]
async fn a_cut_tail() {
    let scene = Scene::new().await;
    let path = scene.path("acme/00000004.seg");
    let whole = fs::read(&path).unwrap();
    for cut in [1, 10, 100, whole.len() - 40, whole.len()] {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        assert!(scene.problem().await.object.starts_with("scan-results/acme/00000004.seg"));
    }
}

#[tokio::test]
async fn swapped_and_duplicated_records() {
    let scene = Scene::new().await;
    let mut segment = scene.segment(3);
    segment.frames.swap(1, 2);
    segment.write();
    scene.found_at("acme/00000003.seg record 11").await;
    let mut segment = scene.segment(3);
    segment.frames.swap(1, 2);
    segment.forge_chain();
    segment.write();
    scene.found_at("acme/00000003.seg record 11").await;
    let mut segment = scene.segment(3);
    let copy = segment.frames[1].clone();
    segment.frames.insert(2, copy);
    segment.write();
    scene.found_at("acme/00000003.seg record 12").await;
    let mut segment = scene.segment(4);
    let copy = segment.frames[4].clone();
    segment.frames.push(copy);
    segment.forge_chain();
    segment.write();
    let keyed = verify(&scene.home.reader_of(&scene.attacked).await).await;
    assert_eq!(keyed.problem.unwrap().object, "scan-results/acme/00000004.seg record 20");
}

#[tokio::test]
async fn a_record_from_another_tenant_or_segment() {
    let scene = Scene::new().await;
    for foreign in [Segment::read(&scene.attacked, "other", 3), scene.segment(2)] {
        let mut segment = scene.segment(3);
        segment.frames[3] = foreign.frames[3].clone();
        segment.write();
        scene.found_at("acme/00000003.seg record 13").await;
        let mut segment = scene.segment(3);
        segment.frames[3] = foreign.frames[3].clone();
        segment.forge_chain();
        segment.write();
        scene.found_at("acme/00000003.seg record 13").await;
    }
}

#[tokio::test]
async fn segments_dropped_reordered_or_from_another_tenant() {
    let scene = Scene::new().await;
    for number in 1..SEGMENTS {
        fs::remove_file(Segment::path_in(&scene.attacked, "acme", number)).unwrap();
        scene.found_at(&format!("acme/{number:08}.seg")).await;
    }
    fs::remove_file(Segment::path_in(&scene.attacked, "acme", SEGMENTS)).unwrap();
    scene.found_at("acme/00000003.seg").await;
    let path = |number| Segment::path_in(&scene.attacked, "acme", number);
    // Dropped, and the ones behind it moved up.
    fs::remove_file(path(2)).unwrap();
    rename(&path(3), &path(2));
    rename(&path(4), &path(3));
    scene.found_at("acme/00000002.seg").await;
    rename(&path(2), &scene.path("aside"));
    rename(&path(3), &path(2));
    rename(&scene.path("aside"), &path(3));
    scene.found_at("acme/00000002.seg").await;
    fs::copy(Segment::path_in(&scene.attacked, "other", 3), path(3)).unwrap();
    scene.found_at("acme/00000003.seg").await;
}

#[tokio::test]
async fn changed_headers() {
    let scene = Scene::new().await;
    // Behind the magic: version, algorithm, segment, first sequence, created, previous head, tenant, key, wrapped key.
    for position in [9, 10, 18, 26, 33, 40, 70, 90, 120] {
        for forge in [false, true] {
            let mut segment = scene.segment(4);
            segment.header[position] ^= 1;
            if forge {
                segment.forge_chain();
            }
            segment.write();
            let problem = scene.problem().await;
            assert!(problem.object.starts_with("scan-results/acme/00000004.seg"), "{position} {problem:?}");
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
    to.forge_chain();
    to.write();
    scene.found_at("acme/00000004.seg").await;
}

#[tokio::test]
async fn whole_logs_dropped_rolled_back_or_exchanged() {
    let scene = Scene::new().await;
    fs::remove_dir_all(scene.path("acme")).unwrap();
    scene.found_at("acme").await;
    // An older, in itself whole state of one log.
    fs::remove_dir_all(scene.path("acme")).unwrap();
    copy_directory(&scene.older.join("scan-results/acme"), &scene.path("acme"));
    let problem = scene.problem().await;
    assert!(problem.what.contains("LOGS signs 20"), "{problem:?}");
    scene.restore();
    fs::copy(scene.older.join("scan-results/acme/HEAD"), scene.path("acme/HEAD")).unwrap();
    fs::remove_file(Segment::path_in(&scene.attacked, "acme", 4)).unwrap();
    scene.found_at("acme/00000003.seg").await;
    fs::remove_file(scene.path("acme/HEAD")).unwrap();
    scene.found_at("acme/HEAD").await;
    fs::copy(scene.path("other/HEAD"), scene.path("acme/HEAD")).unwrap();
    scene.found_at("acme/HEAD").await;
    fs::remove_file(scene.path("LOGS")).unwrap();
    scene.found_at("LOGS").await;
    rename(&scene.path("acme"), &scene.path("third"));
    scene.found_at("acme").await;
    copy_directory(&scene.path("acme"), &scene.path("third"));
    scene.found_at("third/HEAD").await;
    fs::remove_dir_all(scene.path("acme")).unwrap();
    copy_directory(&scene.path("other"), &scene.path("acme"));
    scene.found_at("acme/HEAD").await;
}

#[tokio::test]
async fn everything_rewritten_under_other_keys() {
    let scene = Scene::new().await;
    let forger = Scene::new().await;
    fs::remove_dir_all(&scene.attacked).unwrap();
    copy_directory(&forger.home.store_path(), &scene.attacked);
    let problem = scene.problem().await;
    assert_eq!(problem.object, "scan-results/LOGS");
    assert_eq!(problem.what, "its signature is wrong");
    // Under a key that the key manager knows and nobody trusts.
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
    let whole = store.verify(Some(&tenant("other")), |_| ()).await.unwrap();
    assert_eq!((whole.problem, whole.tenants, whole.records), (None, 1, 20));
    let broken = store.verify(Some(&tenant("acme")), |_| ()).await.unwrap();
    assert_eq!(broken.problem.unwrap().object, "scan-results/acme/00000002.seg");
    let unknown = store.verify(Some(&tenant("nobody")), |_| ()).await.unwrap();
    assert_eq!((unknown.problem, unknown.tenants), (None, 0));
}
