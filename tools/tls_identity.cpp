// A throw-away certificate authority and a server certificate signed by it.
#include "tools/http_server_state.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <stdexcept>
#include <string_view>

namespace remed::tools {

namespace {

constexpr long day = 24 * 60 * 60;
constexpr const char* server_names =
    "IP:127.0.0.1,IP:::1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,"
    "DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local";

struct release {
  void operator()(EVP_PKEY* p) const { ::EVP_PKEY_free(p); }
  void operator()(X509* p) const { ::X509_free(p); }
  void operator()(X509_EXTENSION* p) const { ::X509_EXTENSION_free(p); }
  void operator()(BIO* p) const { ::BIO_free(p); }
};
using key_ptr = std::unique_ptr<EVP_PKEY, release>;
using certificate_ptr = std::unique_ptr<X509, release>;

failure tls_failure(const std::string& what) {
  char text[256] = "unknown error";
  if (auto code = ::ERR_get_error()) ::ERR_error_string_n(code, text, sizeof text);
  return {errc::failed, what + ": " + text};
}

bool add_extension(X509* to, X509* issuer, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  ::X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, release> made{
      ::X509V3_EXT_conf_nid(nullptr, &context, id, value)};
  return made && ::X509_add_ext(to, made.get(), -1) == 1;
}

/// Subject, key, random serial number and a validity around now.
certificate_ptr blank_certificate(const char* name, EVP_PKEY* key) {
  certificate_ptr out{::X509_new()};
  std::uint64_t serial = 0;
  if (!out || ::RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1)
    return nullptr;
  auto* subject = ::X509_get_subject_name(out.get());
  const bool ok =
      ::X509_set_version(out.get(), X509_VERSION_3) == 1 &&
      ::ASN1_INTEGER_set_uint64(::X509_get_serialNumber(out.get()), serial >> 1 | 1) == 1 &&
      ::X509_gmtime_adj(::X509_getm_notBefore(out.get()), -day) &&
      ::X509_gmtime_adj(::X509_getm_notAfter(out.get()), 3650 * day) &&
      ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name), -1, -1, 0) == 1 &&
      ::X509_set_pubkey(out.get(), key) == 1;
  return ok ? std::move(out) : nullptr;
}

certificate_ptr make_authority(EVP_PKEY* key) {
  auto out = blank_certificate("remed authority", key);
  const bool ok = out &&
                  ::X509_set_issuer_name(out.get(), ::X509_get_subject_name(out.get())) == 1 &&
                  add_extension(out.get(), out.get(), NID_basic_constraints, "critical,CA:TRUE") &&
                  add_extension(out.get(), out.get(), NID_key_usage,
                                "critical,keyCertSign,cRLSign,digitalSignature") &&
                  add_extension(out.get(), out.get(), NID_subject_key_identifier, "hash") &&
                  ::X509_sign(out.get(), key, ::EVP_sha256()) > 0;
  return ok ? std::move(out) : nullptr;
}

certificate_ptr make_server(EVP_PKEY* key, X509* authority, EVP_PKEY* authority_key) {
  auto out = blank_certificate("remed server", key);
  auto add = [&](int id, const char* value) {
    return add_extension(out.get(), authority, id, value);
  };
  const bool ok = out &&
                  ::X509_set_issuer_name(out.get(), ::X509_get_subject_name(authority)) == 1 &&
                  add(NID_basic_constraints, "critical,CA:FALSE") &&
                  add(NID_key_usage, "critical,digitalSignature") &&
                  add(NID_ext_key_usage, "serverAuth") && add(NID_subject_key_identifier, "hash") &&
                  // Strict verifiers (Python 3.13) want to see who signed.
                  add(NID_authority_key_identifier, "keyid:always") &&
                  add(NID_subject_alt_name, server_names) &&
                  ::X509_sign(out.get(), authority_key, ::EVP_sha256()) > 0;
  return ok ? std::move(out) : nullptr;
}

template <class Write>
std::string to_pem(Write write) {
  std::unique_ptr<BIO, release> out{::BIO_new(::BIO_s_mem())};
  if (!out || write(out.get()) != 1) return {};
  char* data = nullptr;
  auto size = ::BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string certificate_text(X509* certificate) {
  return to_pem([&](BIO* out) { return ::PEM_write_bio_X509(out, certificate); });
}

/// HTTP/1.1 is all there is, also for clients that would rather speak h2.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned in_size, void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  auto found = ::SSL_select_next_proto(&chosen, out_size, ours, sizeof ours - 1, in, in_size);
  if (found != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

} // namespace

result<std::shared_ptr<const tls_identity>> tls_identity::generate() {
  key_ptr authority_key{EVP_EC_gen("P-256")}, server_key{EVP_EC_gen("P-256")};
  if (!authority_key || !server_key) return tls_failure("cannot generate a key");
  auto authority = make_authority(authority_key.get());
  if (!authority) return tls_failure("cannot make a certificate authority");
  auto server = make_server(server_key.get(), authority.get(), authority_key.get());
  if (!server) return tls_failure("cannot make a server certificate");
  auto out = std::make_shared<tls_identity>();
  out->ca_pem = certificate_text(authority.get());
  out->certificate_pem = certificate_text(server.get());
  out->key_pem = to_pem([&](BIO* to) {
    return ::PEM_write_bio_PKCS8PrivateKey(to, server_key.get(), nullptr, nullptr, 0, nullptr,
                                           nullptr);
  });
  if (out->ca_pem.empty() || out->certificate_pem.empty() || out->key_pem.empty())
    return tls_failure("cannot write a certificate");
  return std::shared_ptr<const tls_identity>(std::move(out));
}

std::string random_token() {
  std::array<unsigned char, 32> bytes{};
  if (::RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw std::runtime_error("the machine's random generator does not answer");
  static constexpr std::string_view hex = "0123456789abcdef";
  std::string out;
  for (auto b : bytes) {
    out += hex[b >> 4];
    out += hex[b & 15];
  }
  return out;
}

result<std::unique_ptr<ssl::context>> make_server_context(const tls_identity& identity) {
  error_code ec;
  auto out = std::make_unique<ssl::context>(ssl::context::tls_server);
  auto bad = [&](const std::string& what) {
    return failure{errc::bad_input, "the TLS identity's " + what + ": " + ec.message()};
  };
  out->use_certificate_chain(net::buffer(identity.certificate_pem), ec);
  if (ec) return bad("certificate cannot be read");
  out->use_private_key(net::buffer(identity.key_pem), ssl::context::pem, ec);
  if (ec) return bad("key cannot be read");
  ::SSL_CTX_set_min_proto_version(out->native_handle(), TLS1_2_VERSION);
  ::SSL_CTX_set_alpn_select_cb(out->native_handle(), choose_protocol, nullptr);
  // Buffers are given back while a connection waits: thousands of watches are mostly idle.
  ::SSL_CTX_set_mode(out->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  return out;
}

} // namespace remed::tools
