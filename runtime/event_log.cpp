#include "runtime/event_log.hpp"

#include "runtime/paths.hpp"

#include <openssl/evp.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace remed {

namespace fs = std::filesystem;

std::string sha256(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  static constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (unsigned int i = 0; i < size; ++i) {
    out += hex[digest[i] >> 4];
    out += hex[digest[i] & 15];
  }
  return out;
}

result<event_log> event_log::open(const fs::path& folder) {
  std::error_code ec;
  fs::create_directories(folder, ec);
  const auto file = folder / "events.jsonl";
  auto out = std::make_shared<std::ofstream>(file, std::ios::binary | std::ios::trunc);
  if (!*out) return failure{errc::failed, file.string() + ": " + std::strerror(errno)};
  event_log log([out](const std::string& line) {
    *out << line << '\n';
    out->flush();
  });
  log.blob_sink_ = [folder](const std::string& name, const std::string& text) {
    std::error_code ignored;
    fs::create_directories(folder / "blobs", ignored);
    if (fs::exists(folder / "blobs" / name, ignored)) return;
    std::ofstream(folder / "blobs" / name, std::ios::binary) << text;
  };
  return log;
}

std::uint64_t event_log::append(event e) {
  e.seq = next_++;
  scrub(e.body);
  if (blob_sink_) store_blobs(e.body);
  const auto line = dump(json(e));
  chain_ = sha256(chain_ + line);
  if (sink_) sink_(line);
  if (listener_) listener_(e);
  return e.seq;
}

void event_log::add_secret(std::string secret) {
  if (secret.size() >= 8) secrets_.push_back(std::move(secret));
}

void event_log::scrub(json& value) const {
  if (value.is_string()) {
    auto& text = value.get_ref<std::string&>();
    for (const auto& secret : secrets_) {
      for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
        text.replace(at, secret.size(), "[secret]");
      }
    }
  } else if (value.is_structured()) {
    for (auto& inner : value) scrub(inner);
  }
}

void event_log::store_blobs(json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() <= blob_bytes) return;
    const auto name = sha256(text);
    blob_sink_(name, text);
    json stub = json::object();
    stub["blob"] = "sha256:" + name;
    stub["bytes"] = text.size();
    value = std::move(stub);
  } else if (value.is_structured()) {
    for (auto& inner : value) store_blobs(inner);
  }
}

result<std::vector<event>> read_events(const fs::path& file) {
  auto text = read_file(file);
  if (!text) return text.why();
  std::vector<event> events;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text->size();) {
    const auto end = text->find('\n', at);
    if (end == std::string::npos) break; // torn: the writer died inside this line
    ++number;
    auto parsed = read_json<event>(std::string_view(*text).substr(at, end - at));
    if (!parsed) return parsed.why().in(file.string() + ":" + std::to_string(number));
    events.push_back(std::move(*parsed));
    at = end + 1;
  }
  return events;
}

} // namespace remed
