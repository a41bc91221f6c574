//! A proxy as companies have them: asks for a password, opens tunnels, and looks into them with
//! certificates of its own. Whatever host was asked for, the tunnel ends at one of two servers.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// `chatctl` and its password, in Base64.
const PASSWORD: &str = "Y2hhdGN0bDpzZWNyZXQ=";

/// A running proxy.
pub struct Proxy {
    addr: SocketAddr,
    /// The certificate to trust.
    pub bundle: PathBuf,
    asked: Arc<Mutex<Vec<String>>>,
    _folder: tempfile::TempDir,
}

type Ca = Issuer<'static, KeyPair>;

impl Proxy {
    /// One whose tunnels end at `calls`, or at `sockets` for an API's own host.
    pub async fn start(calls: SocketAddr, sockets: SocketAddr) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("bundle.pem");
        std::fs::write(&bundle, params.self_signed(&key).unwrap().pem()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (ca, list) = (Arc::new(Issuer::new(params, key)), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (ca, list) = (Arc::clone(&ca), Arc::clone(&list));
                tokio::spawn(async move { serve(stream, [calls, sockets], &ca, &list).await });
            }
        });
        Self {
            addr,
            bundle,
            asked,
            _folder: folder,
        }
    }

    /// Its URL, with user and password.
    pub fn url(&self) -> String {
        format!("http://chatctl:secret@{}", self.addr)
    }

    /// Its URL without them.
    pub fn url_without_password(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The hosts that were asked for, with their ports.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Whether a host was asked for.
    pub fn was_asked_for(&self, host: &str) -> bool {
        self.asked().contains(&format!("{host}:443"))
    }
}

async fn serve(mut client: TcpStream, to: [SocketAddr; 2], ca: &Ca, asked: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let host = head.split(' ').nth(1).unwrap().to_owned();
    asked.lock().unwrap().push(host.clone());
    if !head.starts_with("CONNECT ") || !head.contains(PASSWORD) {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
        client.write_all(refusal).await.unwrap();
        return;
    }
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let name = host.split(':').next().unwrap();
    // Who does not trust the certificate leaves here.
    if let Ok(mut inside) = acceptor(ca, name).accept(client).await {
        let to = to[usize::from(name.contains(".execute-api."))];
        if let Ok(mut server) = TcpStream::connect(to).await {
            let _ = copy_bidirectional(&mut inside, &mut server).await;
        }
    }
}

fn acceptor(ca: &Ca, name: &str) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, ca).unwrap();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
