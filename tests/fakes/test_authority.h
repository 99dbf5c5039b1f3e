// SPDX-License-Identifier: Apache-2.0
// A certificate authority of a test's own, whose certificates may be anything that a real one would
// not issue. One thread.
#ifndef KLUIS_TESTS_FAKES_TEST_AUTHORITY_H_
#define KLUIS_TESTS_FAKES_TEST_AUTHORITY_H_

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

namespace kluis {

inline constexpr long kDaySeconds = 86'400;

struct TestCertificate {
  std::string der;
  std::string pem;
  std::string key;  // PEM
};

// What a certificate says; times are seconds from now.
struct CertificateTerms {
  std::string names =
      "URI:spiffe://kluis.test/officer/one";  // subjectAltName, as openssl.cnf has it
  std::string use = "clientAuth";
  long from = -60;
  long until = kDaySeconds;
};

// As the front sends a certificate: DER in base64.
inline std::string HeaderOfPem(const std::string& pem) {
  std::string base64;
  for (size_t at = pem.find('\n') + 1; pem[at] != '-'; ++at) {
    if (pem[at] != '\n') base64 += pem[at];
  }
  return base64;
}

class TestAuthority {
 public:
  TestAuthority() : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), root_(nullptr, X509_free) {
    root_ = Make(key_.get(), {.names = "", .use = "", .from = -365 * kDaySeconds}, true);
  }

  std::string Pem() const { return Written(PEM_write_bio_X509, root_.get()); }

  TestCertificate Issue(const CertificateTerms& terms = {}) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                  EVP_PKEY_free);
    const auto certificate = Make(key.get(), terms, false);
    TestCertificate issued;
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    issued.der.assign(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
    OPENSSL_free(der);
    issued.pem = Written(PEM_write_bio_X509, certificate.get());
    BIO* const text = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(text, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    issued.key = Taken(text);
    return issued;
  }

  // A revocation list of these; its next update is due `until` seconds from now.
  std::string Revoke(const std::vector<TestCertificate>& revoked, long until = kDaySeconds) const {
    const std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> list(X509_CRL_new(), X509_CRL_free);
    X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(root_.get()));
    const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> time(ASN1_TIME_new(),
                                                                     ASN1_TIME_free);
    X509_gmtime_adj(time.get(), until);
    X509_CRL_set1_nextUpdate(list.get(), time.get());
    X509_gmtime_adj(time.get(), -30 * kDaySeconds);
    X509_CRL_set1_lastUpdate(list.get(), time.get());
    for (const TestCertificate& one : revoked) {
      const auto* der = reinterpret_cast<const unsigned char*>(one.der.data());
      X509* const certificate = d2i_X509(nullptr, &der, static_cast<long>(one.der.size()));
      X509_REVOKED* const entry = X509_REVOKED_new();
      X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate));
      X509_REVOKED_set_revocationDate(entry, time.get());
      X509_CRL_add0_revoked(list.get(), entry);
      X509_free(certificate);
    }
    X509_CRL_sort(list.get());
    EXPECT_GT(X509_CRL_sign(list.get(), key_.get(), EVP_sha256()), 0);
    return Written(PEM_write_bio_X509_CRL, list.get());
  }

 private:
  using Owned = std::unique_ptr<X509, decltype(&X509_free)>;

  static std::string Taken(BIO* text) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(text, &bytes);
    std::string taken(bytes, static_cast<size_t>(size));
    BIO_free(text);
    return taken;
  }
  template <class Write, class Object>
  static std::string Written(Write write, const Object* object) {
    BIO* const text = BIO_new(BIO_s_mem());
    write(text, object);
    return Taken(text);
  }

  Owned Make(EVP_PKEY* subject, const CertificateTerms& terms, bool is_root) {
    Owned made(X509_new(), X509_free);
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), terms.from);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), terms.until);
    X509_set_pubkey(made.get(), subject);
    X509_NAME* const name = X509_get_subject_name(made.get());
    const std::string common = is_root ? "test authority" : "test caller";
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common.data()), -1, -1, 0);
    X509* const issuer = is_root ? made.get() : root_.get();
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, made.get(), nullptr, nullptr, 0);
    const auto add = [&](int extension, const std::string& value) {
      if (value.empty()) return;
      X509_EXTENSION* const made_of =
          X509V3_EXT_conf_nid(nullptr, &context, extension, value.c_str());
      ASSERT_NE(made_of, nullptr) << value;
      X509_add_ext(made.get(), made_of, -1);
      X509_EXTENSION_free(made_of);
    };
    add(NID_basic_constraints, is_root ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add(NID_key_usage, is_root ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
    add(NID_subject_key_identifier, "hash");
    add(NID_ext_key_usage, terms.use);
    add(NID_subject_alt_name, terms.names);
    EXPECT_GT(X509_sign(made.get(), key_.get(), EVP_sha256()), 0);
    return made;
  }

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  long serial_ = 0;
  Owned root_;
};

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_TEST_AUTHORITY_H_
