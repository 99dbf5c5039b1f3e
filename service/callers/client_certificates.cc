// SPDX-License-Identifier: Apache-2.0
#include "service/callers/client_certificates.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/sha256.h"

namespace kluis::service {

// Not in an anonymous namespace, as a class of the header has members of these types.
namespace openssl {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
inline void FreeChain(STACK_OF(X509) * chain) { sk_X509_pop_free(chain, X509_free); }

using Chain = std::unique_ptr<STACK_OF(X509), FreeWith<FreeChain>>;
using RevocationList = std::unique_ptr<X509_CRL, FreeWith<X509_CRL_free>>;
using Store = std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>>;

}  // namespace openssl

namespace {

constexpr size_t kMaxCertificateBytes = size_t{16} << 10;
constexpr size_t kMostKept = 4096;  // verified certificates
constexpr int kAuthLevel = 2;       // OpenSSL's own for TLS in Debian: keys of 112 bits or more

using openssl::Chain;
using openssl::FreeWith;
using openssl::RevocationList;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;
using Memory = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>>;

absl::Status Unverified(const char* rule) { return absl::UnauthenticatedError(rule); }

Memory Open(std::string_view text) {
  return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  return std::string(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
}

bool IsWithinDates(X509* certificate) {
  return X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
         X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

// All URIs among the alternative names; none when the certificate has that extension twice.
std::vector<std::string> UrisOf(X509* certificate) {
  std::vector<std::string> uris;
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                      static_cast<size_t>(ASN1_STRING_length(uri)));
  }
  return uris;
}

}  // namespace

struct ClientCertificates::FileStamp {
  ino_t inode = 0;
  off_t size = 0;
  timespec changed = {};

  bool operator==(const FileStamp& other) const {
    return inode == other.inode && size == other.size && changed.tv_sec == other.changed.tv_sec &&
           changed.tv_nsec == other.changed.tv_nsec;
  }
  static FileStamp Of(const std::string& path) {
    struct stat found {};
    if (path.empty() || stat(path.c_str(), &found) < 0) return {};
    return {found.st_ino, found.st_size, found.st_ctim};
  }
};

struct ClientCertificates::Trust {
  struct Kept {
    Peer peer;
    openssl::Chain chain;  // up to the CA
  };

  openssl::Store store{X509_STORE_new()};
  std::vector<openssl::RevocationList> lists;

  std::mutex mutex;                            // guards what follows
  std::unordered_map<std::string, Kept> kept;  // by SHA-256 of the certificate

  bool IsFresh() const {
    return std::ranges::all_of(lists, [](const RevocationList& list) {
      const ASN1_TIME* next = X509_CRL_get0_nextUpdate(list.get());
      return next != nullptr && X509_cmp_current_time(next) > 0;
    });
  }
  // Who a certificate names that these files were found to trust before, if they still do.
  std::optional<Peer> Find(const std::string& digest) {
    const std::lock_guard lock(mutex);
    const auto found = kept.find(digest);
    if (found == kept.end() || !IsFresh()) return std::nullopt;
    STACK_OF(X509)* const chain = found->second.chain.get();
    for (int i = 0; i < sk_X509_num(chain); ++i) {
      if (!IsWithinDates(sk_X509_value(chain, i))) return std::nullopt;
    }
    return found->second.peer;
  }
  void Keep(std::string digest, Peer peer, Chain chain) {
    const std::lock_guard lock(mutex);
    if (kept.size() >= kMostKept) kept.clear();
    kept.insert_or_assign(std::move(digest), Kept{std::move(peer), std::move(chain)});
  }
};

ClientCertificates::ClientCertificates(std::string ca, std::string crl, std::string trust_domain)
    : ca_(std::move(ca)), crl_(std::move(crl)), trust_domain_(std::move(trust_domain)) {}

ClientCertificates::~ClientCertificates() = default;

absl::StatusOr<std::unique_ptr<ClientCertificates>> ClientCertificates::Load(
    std::string ca, std::string crl, std::string trust_domain) {
  std::unique_ptr<ClientCertificates> loaded(
      new ClientCertificates(std::move(ca), std::move(crl), std::move(trust_domain)));
  loaded->stamp_ = std::make_unique<FileStamp>(FileStamp::Of(loaded->crl_));
  auto trust = loaded->Read();
  if (!trust.ok()) return trust.status();
  loaded->trust_ = *std::move(trust);
  return loaded;
}

absl::StatusOr<std::shared_ptr<ClientCertificates::Trust>> ClientCertificates::Read() const {
  auto trust = std::make_shared<Trust>();
  const absl::StatusOr<std::string> roots = ReadText(ca_);
  if (!roots.ok()) return roots.status();
  int authorities = 0;
  const Memory root_text = Open(*roots);
  while (const Certificate root{PEM_read_bio_X509(root_text.get(), nullptr, nullptr, nullptr)}) {
    authorities += X509_STORE_add_cert(trust->store.get(), root.get());
  }
  if (authorities == 0) {
    return absl::InvalidArgumentError(absl::StrCat("server.ca: no certificate in ", ca_));
  }
  if (!crl_.empty()) {
    const absl::StatusOr<std::string> lists = ReadText(crl_);
    if (!lists.ok()) return lists.status();
    const Memory list_text = Open(*lists);
    while (RevocationList list{PEM_read_bio_X509_CRL(list_text.get(), nullptr, nullptr, nullptr)}) {
      X509_STORE_add_crl(trust->store.get(), list.get());
      trust->lists.push_back(std::move(list));
    }
    if (trust->lists.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("server.crl: no revocation list in ", crl_));
    }
    X509_STORE_set_flags(trust->store.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  }
  ERR_clear_error();  // the end of each text is one
  return trust;
}

std::shared_ptr<ClientCertificates::Trust> ClientCertificates::Current() {
  const std::lock_guard lock(mutex_);
  if (const FileStamp now = FileStamp::Of(crl_); now != *stamp_) {
    *stamp_ = now;
    absl::StatusOr<std::shared_ptr<Trust>> fresh = Read();
    if (fresh.ok()) trust_ = *std::move(fresh);
  }
  return trust_;
}

absl::StatusOr<Peer> ClientCertificates::Verify(std::string_view der) {
  if (der.empty() || der.size() > kMaxCertificateBytes) {
    return Unverified("certificate: must be one in DER, of at most 16 KiB");
  }
  const std::shared_ptr<Trust> trust = Current();
  const std::string digest(crypto::Bytes(crypto::Sha256({der})));
  if (std::optional<Peer> known = trust->Find(digest)) return *std::move(known);

  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* const end = at + der.size();
  const Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  const StoreContext context(X509_STORE_CTX_new());
  const bool ready =
      certificate != nullptr && at == end && context != nullptr &&
      X509_STORE_CTX_init(context.get(), trust->store.get(), certificate.get(), nullptr) == 1 &&
      X509_STORE_CTX_set_default(context.get(), "ssl_client") == 1;
  if (!ready) {
    ERR_clear_error();
    return Unverified("certificate: must be exactly one, in DER");
  }
  X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(context.get()), kAuthLevel);
  const bool verified = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (!verified) {
    return Unverified("certificate: must be of the vault's CA, for clients, valid and not revoked");
  }
  absl::StatusOr<Peer> peer = ParsePeer(UrisOf(certificate.get()), trust_domain_);
  if (peer.ok()) trust->Keep(digest, *peer, Chain(X509_STORE_CTX_get1_chain(context.get())));
  return peer;
}

absl::StatusOr<Peer> ClientCertificates::VerifyPem(std::string_view pem) {
  const Memory text = Open(pem.substr(0, 2 * kMaxCertificateBytes));
  const Certificate certificate(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
  unsigned char* der = nullptr;
  const int size = certificate == nullptr ? -1 : i2d_X509(certificate.get(), &der);
  ERR_clear_error();
  if (size < 0) return Unverified("certificate: not PEM");
  absl::StatusOr<Peer> peer =
      Verify({reinterpret_cast<const char*>(der), static_cast<size_t>(size)});
  OPENSSL_free(der);
  return peer;
}

}  // namespace kluis::service
