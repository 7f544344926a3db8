use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use postern_gateway::{Fault, Gateway, Health};
use tempfile::TempDir;

use super::*;
use crate::profile::{Written, WrittenEdge};

fn written() -> Written {
    Written {
        id: "prod".to_owned(),
        url: "https://prefect.example.com/base".to_owned(),
        port: Some(4201),
        edge: Some(WrittenEdge::basic("alice")),
        prefect_username: Some("admin".to_owned()),
        headers: vec!["X-Key".to_owned()],
        ca_file: "ca.pem".to_owned(),
        client_cert_file: "certs/me.pem".to_owned(),
        proxy: "none".to_owned(),
        ..Written::default()
    }
}

/// A folder with the files that [`written`] names.
fn config() -> TempDir {
    let config = TempDir::new().unwrap();
    fs::create_dir(config.path().join("certs")).unwrap();
    fs::write(config.path().join("ca.pem"), "a CA").unwrap();
    openssl(
        &config,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=me -keyout me.key -out certs/me.pem",
    );
    config
}

fn folders(config: &TempDir) -> Folders {
    Folders::at(config.path()).unwrap()
}

/// Runs the real thing in a folder. The passphrase is in the environment, as `PASS`.
fn openssl(folder: &TempDir, arguments: &str) {
    let mut command = Command::new("openssl");
    command.args(arguments.split(' ')).current_dir(folder).env("PASS", PASSPHRASE).stdin(Stdio::null());
    let output = command.output().expect("openssl is installed");
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Not ASCII: PKCS#12 encodes it in two ways.
const PASSPHRASE: &str = "canary pässphrase";

async fn fill(vault: &Vault, profile: &Profile, config: &TempDir) {
    for slot in profile.slots() {
        let value = if slot == Slot::ClientKey {
            fs::read_to_string(config.path().join("me.key")).unwrap()
        } else {
            format!("value-of-{slot}")
        };
        vault.set(&profile.id, &slot, Secret::new(value)).await.unwrap();
    }
}

#[tokio::test]
async fn a_gateway_is_told_everything_and_each_secret_in_its_place() {
    let (config, vault) = (config(), Vault::memory());
    let profile = written().check().unwrap();
    fill(&vault, &profile, &config).await;
    let resolved = resolve(&profile, &folders(&config), &vault).await.unwrap();
    assert_eq!(resolved.assets, Some(config.path().join("cache/assets/profile-prod")));
    assert_eq!(resolved.local_key, vault.local_key(&profile.id, config.path()).await.unwrap());
    let remote = resolved.remote;
    let Some(EdgeCredential::Basic(edge)) = remote.edge else { panic!("no edge credential") };
    assert_eq!((edge.username.as_str(), edge.password.expose()), ("alice", "value-of-edge-password"));
    let prefect = remote.prefect.unwrap();
    assert_eq!((prefect.username.as_str(), prefect.password.expose()), ("admin", "value-of-prefect-password"));
    let [(name, value)] = &remote.headers[..] else { panic!("not one header") };
    assert_eq!((name.as_str(), value.expose()), ("x-key", "value-of-header-x-key"));
    assert_eq!(remote.tls.extra_ca.as_deref(), Some(&b"a CA"[..]));
    assert!(remote.tls.client.is_some());
}

#[tokio::test]
async fn a_missing_secret_is_named() {
    let (config, vault) = (config(), Vault::memory());
    let profile = written().check().unwrap();
    fill(&vault, &profile, &config).await;
    for slot in profile.slots().into_iter().filter(|slot| *slot != Slot::ClientKeyPassword) {
        let value = vault.get(&profile.id, &slot).await.unwrap().unwrap();
        vault.clear(&profile.id, &slot).await.unwrap();
        let error = resolve(&profile, &folders(&config), &vault).await.unwrap_err();
        assert_eq!(error.code(), "secret_missing");
        assert!(error.remedy().contains(&format!("postern secret set prod {slot}")), "{}", error.remedy());
        vault.set(&profile.id, &slot, value).await.unwrap();
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named() {
    let (config, vault) = (config(), Vault::memory());
    let profile = written().check().unwrap();
    fill(&vault, &profile, &config).await;
    let ca = config.path().join("ca.pem");
    let told = async || {
        let error = resolve(&profile, &folders(&config), &vault).await.unwrap_err();
        error.to_string().replace(&config.path().display().to_string(), "…")
    };
    fs::remove_file(&ca).unwrap();
    insta::assert_snapshot!(told().await, @"The CA file of the profile prod, …/ca.pem, cannot be read: No such file or directory (os error 2).");
    fs::create_dir(&ca).unwrap();
    insta::assert_snapshot!(told().await, @"The CA file of the profile prod, …/ca.pem, cannot be read: it is not a small plain file.");
    fs::remove_dir(&ca).unwrap();
    // To open one waits until somebody writes.
    assert!(Command::new("mkfifo").arg(&ca).status().unwrap().success());
    insta::assert_snapshot!(told().await, @"The CA file of the profile prod, …/ca.pem, cannot be read: it is not a small plain file.");
    let unreadable: Vec<Field> =
        unreadable(&profile, &folders(&config)).await.into_iter().map(|(field, _)| field).collect();
    assert_eq!(unreadable, [Field::CaFile]);
}

/// Files as people are given them: those of `rsa` and `ec` are two certificates.
fn files() -> TempDir {
    let files = TempDir::new().unwrap();
    let run = |arguments: &str| openssl(&files, arguments);
    run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=ca -keyout ca.key -out ca.pem");
    run("req -x509 -newkey rsa:2048 -noenc -subj /CN=rsa -keyout rsa.pkcs8 -out rsa.pem");
    run("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=ec -keyout ec.pkcs8 -out ec.csr");
    run("x509 -req -in ec.csr -CA ca.pem -CAkey ca.key -out ec.pem");
    run("rsa -in rsa.pkcs8 -traditional -out rsa.pkcs1");
    run("ec -in ec.pkcs8 -out ec.sec1");
    run("genpkey -algorithm ec -pkeyopt ec_paramgen_curve:secp256k1 -out odd.key");
    run("pkcs8 -topk8 -in rsa.pkcs8 -passout env:PASS -out rsa.locked");
    run("pkcs8 -topk8 -in rsa.pkcs8 -passout env:PASS -v2 des3 -v2prf hmacWithSHA1 -out rsa.locked-des3");
    run("pkcs8 -topk8 -in ec.pkcs8 -passout env:PASS -scrypt -out ec.locked-scrypt");
    run("pkcs8 -topk8 -in ec.pkcs8 -passout env:PASS -v1 PBE-SHA1-3DES -out ec.locked-pbe1");
    run("ec -in ec.pkcs8 -aes256 -passout env:PASS -out ec.locked-old");
    let export = "pkcs12 -export -passout env:PASS";
    run(&format!("{export} -in ec.pem -inkey ec.pkcs8 -certfile ca.pem -out modern.p12"));
    run(&format!("{export} -in rsa.pem -inkey rsa.pkcs8 -legacy -out legacy.pfx"));
    run(&format!("{export} -in rsa.pem -inkey rsa.pkcs8 -legacy -keypbe NONE -certpbe PBE-SHA1-3DES -out windows.pfx"));
    run(&format!("{export} -in ec.pem -inkey ec.pkcs8 -legacy -certpbe PBE-SHA1-RC2-128 -out rare.p12"));
    run(&format!("{export} -in ec.pem -nokeys -out keyless.p12"));
    run("pkcs12 -export -in ec.pem -inkey ec.pkcs8 -passout pass: -out open.p12");
    let join = |parts: &[&str], name: &str| {
        let parts: Vec<Vec<u8>> = parts.iter().map(|part| fs::read(files.path().join(part)).unwrap()).collect();
        fs::write(files.path().join(name), parts.concat()).unwrap();
    };
    join(&["ec.pem", "ca.pem", "ec.pkcs8"], "together.pem");
    join(&["rsa.locked", "rsa.pem"], "together-locked.pem");
    // Not UTF-8, as names in comments may be.
    fs::write(files.path().join("comment"), b"friendlyName: caf\xe9\n").unwrap();
    join(&["comment", "ec.pem", "comment", "ec.sec1"], "together-comments.pem");
    fs::write(files.path().join("text"), "no certificate").unwrap();
    fs::write(files.path().join("broken.p12"), &fs::read(files.path().join("modern.p12")).unwrap()[..99]).unwrap();
    files
}

/// What comes of a profile with these files and these secrets.
async fn client(
    files: &TempDir,
    cert: &str,
    key: Option<&str>,
    secrets: &[(Slot, String)],
) -> Result<Config, ResolveError> {
    let written = Written {
        id: "prod".to_owned(),
        url: "https://localhost:1".to_owned(),
        port: Some(4201),
        client_cert_file: cert.to_owned(),
        client_key_file: key.unwrap_or_default().to_owned(),
        verify: false,
        ..Written::default()
    };
    let (profile, vault) = (written.check().unwrap(), Vault::memory());
    for (slot, secret) in secrets {
        vault.set(&profile.id, slot, Secret::new(secret.as_str())).await.unwrap();
    }
    resolve(&profile, &folders(files), &vault).await
}

#[tokio::test]
async fn a_client_certificate_is_taken_in_the_forms_that_people_have() {
    let files = files();
    let right = (Slot::ClientKeyPassword, PASSPHRASE.to_owned());
    let wrong = (Slot::ClientKeyPassword, "canary".to_owned());
    let saved = |name: &str| (Slot::ClientKey, fs::read_to_string(files.path().join(name)).unwrap());
    let mut told = Vec::new();
    for (cert, key, secrets) in [
        ("rsa.pem", Some("rsa.pkcs8"), vec![]),
        ("rsa.pem", Some("rsa.pkcs1"), vec![]),
        ("ec.pem", Some("ec.sec1"), vec![]),
        ("ec.pem", None, vec![saved("ec.pkcs8")]),
        ("rsa.pem", Some("rsa.locked"), vec![right.clone()]),
        ("rsa.pem", Some("rsa.locked-des3"), vec![right.clone()]),
        ("ec.pem", Some("ec.locked-scrypt"), vec![right.clone()]),
        ("rsa.pem", None, vec![saved("rsa.locked"), right.clone()]),
        ("together.pem", None, vec![]),
        ("together-locked.pem", None, vec![right.clone()]),
        ("together-comments.pem", None, vec![]),
        ("together-locked.pem", Some("rsa.pkcs1"), vec![]),
        ("modern.p12", None, vec![right.clone()]),
        ("legacy.pfx", None, vec![right.clone()]),
        ("windows.pfx", None, vec![right.clone()]),
        ("open.p12", None, vec![]),
        // A passphrase that nothing asks for does no harm.
        ("open.p12", None, vec![wrong.clone()]),
        ("rsa.pem", Some("rsa.pkcs8"), vec![wrong.clone()]),
    ] {
        let resolved = client(&files, cert, key, &secrets).await;
        assert!(resolved.is_ok_and(|config| config.remote.tls.client.is_some()), "{cert} {key:?}");
    }
    for (cert, key, secrets) in [
        ("rsa.pem", Some("rsa.locked"), vec![]),
        ("rsa.pem", Some("rsa.locked"), vec![wrong.clone()]),
        ("modern.p12", None, vec![]),
        ("modern.p12", None, vec![wrong.clone()]),
        ("legacy.pfx", None, vec![wrong.clone()]),
        ("rsa.pem", None, vec![]),
        ("rsa.pem", None, vec![saved("ec.locked-scrypt"), right.clone()]),
        ("rsa.pem", Some("ec.pkcs8"), vec![]),
        ("ec.pem", Some("odd.key"), vec![]),
        ("rsa.pem", Some("rsa.pem"), vec![]),
        ("rsa.pkcs8", None, vec![]),
        ("keyless.p12", None, vec![right.clone()]),
        ("ec.pem", Some("ec.locked-old"), vec![right.clone()]),
        ("ec.pem", Some("ec.locked-pbe1"), vec![right.clone()]),
        ("rare.p12", None, vec![right.clone()]),
        ("text", None, vec![]),
        ("broken.p12", None, vec![right]),
    ] {
        let error = client(&files, cert, key, &secrets).await.unwrap_err();
        let line = format!("{}: {error} {}", error.code(), error.remedy());
        assert!(!line.contains("canary") && !format!("{error:?}").contains("canary"), "{line}");
        told.push(line.replace(&files.path().display().to_string(), "…"));
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    secret_missing: The profile prod needs the secret client-key-password, and the vault has none. Enter it in the manager, or run `postern secret set prod client-key-password`.
    client_certificate_unusable: The client key of the profile prod, …/rsa.locked, cannot be used: the passphrase in client-key-password is wrong. Enter it in the manager, or run `postern secret set prod client-key-password`.
    secret_missing: The profile prod needs the secret client-key-password, and the vault has none. Enter it in the manager, or run `postern secret set prod client-key-password`.
    client_certificate_unusable: The client certificate of the profile prod, …/modern.p12, cannot be used: the passphrase in client-key-password is wrong. Enter it in the manager, or run `postern secret set prod client-key-password`.
    client_certificate_unusable: The client certificate of the profile prod, …/legacy.pfx, cannot be used: the passphrase in client-key-password is wrong. Enter it in the manager, or run `postern secret set prod client-key-password`.
    secret_missing: The profile prod needs the secret client-key, and the vault has none. Enter it in the manager, or run `postern secret set prod client-key`.
    client_certificate_unusable: The client certificate of the profile prod, …/rsa.pem, cannot be used: the key belongs to another certificate. Give the certificate and the key that were made for each other.
    client_certificate_unusable: The client certificate of the profile prod, …/rsa.pem, cannot be used: the key belongs to another certificate. Give the certificate and the key that were made for each other.
    client_certificate_unusable: The client certificate of the profile prod, …/ec.pem, cannot be used: the key is none that is supported: RSA from 2048 bits on, P-256, P-384, or Ed25519. Ask for a certificate with a key of one of these kinds.
    client_certificate_unusable: The client key of the profile prod, …/rsa.pem, cannot be used: there is no private key in it. Give the file that has the key, or save the key as client-key.
    client_certificate_unusable: The client certificate of the profile prod, …/rsa.pkcs8, cannot be used: there is no certificate in it. Give a PEM file that begins with the certificate, or a .p12 or .pfx file with certificate and private key.
    client_certificate_unusable: The client certificate of the profile prod, …/keyless.p12, cannot be used: there is no certificate with its private key in it. Give a PEM file that begins with the certificate, or a .p12 or .pfx file with certificate and private key.
    client_certificate_unusable: The client key of the profile prod, …/ec.locked-old, cannot be used: its key is protected in the way that OpenSSL had before PKCS#8. Make it new with `openssl pkcs8 -topk8 -in OLD -out NEW`, and give that.
    client_certificate_unusable: The client key of the profile prod, …/ec.locked-pbe1, cannot be used: its key is protected in a way that is not supported. Make it new with `openssl pkcs8 -topk8 -in OLD -out NEW`, and give that.
    client_certificate_unusable: The client certificate of the profile prod, …/rare.p12, cannot be used: it is protected in a way that is not supported. Make it new with `openssl pkcs12 -legacy -in OLD -noenc | openssl pkcs12 -export -out NEW`, and give that.
    client_certificate_unusable: The client certificate of the profile prod, …/text, cannot be used: it is neither PEM nor PKCS#12, or is damaged. Give a PEM file that begins with the certificate, or a .p12 or .pfx file with certificate and private key.
    client_certificate_unusable: The client certificate of the profile prod, …/broken.p12, cannot be used: it is neither PEM nor PKCS#12, or is damaged. Give a PEM file that begins with the certificate, or a .p12 or .pfx file with certificate and private key.
    ");
}

#[test]
fn a_chain_begins_with_the_certificate_itself() {
    let files = files();
    let read = |name: &str| fs::read(files.path().join(name)).unwrap();
    let single = |name: &str| certificate::chain(&read(name), None).unwrap().remove(0);
    let expected = [single("ec.pem"), single("ca.pem")];
    for name in ["modern.p12", "together.pem"] {
        let chain = certificate::chain(&read(name), Some(&Secret::new(PASSPHRASE))).unwrap();
        assert_eq!(chain, expected, "{name}");
    }
}

/// A server that lets in who shows one of the certificates.
struct Server(Child, u16);

impl Server {
    fn start(files: &TempDir) -> Self {
        fs::create_dir_all(files.path().join("api/admin")).unwrap();
        let answer = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n\"3.8.8\"";
        fs::write(files.path().join("api/admin/version"), answer).unwrap();
        let mut server = Command::new("openssl")
            .args("s_server -accept 127.0.0.1:0 -cert rsa.pem -key rsa.pkcs8 -HTTP".split(' '))
            .args("-Verify 1 -verify_return_error -CAfile trusted.pem".split(' '))
            .current_dir(files)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
        let port = lines.filter_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:")?.parse().ok()).next();
        Self(server, port.expect("it says where it listens"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap_or_default();
        self.0.wait().map(drop).unwrap_or_default();
    }
}

#[tokio::test]
async fn a_server_that_asks_for_a_client_certificate_lets_in_who_has_it() {
    let files = files();
    let both = ["rsa.pem", "ca.pem"].map(|name| fs::read_to_string(files.path().join(name)).unwrap());
    fs::write(files.path().join("trusted.pem"), both.concat()).unwrap();
    let server = Server::start(&files);
    let right = [(Slot::ClientKeyPassword, PASSPHRASE.to_owned())];
    for (cert, key) in [("modern.p12", None), ("legacy.pfx", None), ("rsa.pem", Some("rsa.locked")), ("", None)] {
        let mut config = client(&files, cert, key, &right[..usize::from(!cert.is_empty())]).await.unwrap();
        config.port = 0;
        config.remote.url = format!("https://localhost:{}", server.1).parse().unwrap();
        let gateway = Gateway::start(config).await.unwrap();
        gateway.probe().await;
        let status = gateway.status().borrow().clone();
        if cert.is_empty() {
            assert!(matches!(status.health, Health::Failing(Fault::TlsFailed { .. })), "{status:?}");
        } else {
            assert_eq!((status.health, status.version.as_deref()), (Health::Up, Some("3.8.8")), "{cert}");
        }
        gateway.stop().await;
    }
}
