#include "runtime/event_log.hpp"

#include "runtime/json_text.hpp"
#include "runtime/paths.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

namespace remed {

namespace fs = std::filesystem;

std::string sha256(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  // Looked up once: asked for by name, as EVP_sha256 does, it costs more than most lines.
  static const std::unique_ptr<EVP_MD, void (*)(EVP_MD*)> how(
      EVP_MD_fetch(nullptr, "SHA256", nullptr), EVP_MD_free);
  EVP_Digest(text.data(), text.size(), digest, &size, how ? how.get() : EVP_sha256(), nullptr);
  static constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (unsigned int i = 0; i < size; ++i) {
    out += hex[digest[i] >> 4];
    out += hex[digest[i] & 15];
  }
  return out;
}

/// The lines that wait, and the file they go to.
class event_log::file {
public:
  explicit file(fs::path path) : path_(std::move(path)) {}
  ~file() { flush(); }
  file(const file&) = delete;
  file& operator=(const file&) = delete;

  void add(const std::string& line) {
    waiting_ += line;
    waiting_ += '\n';
    if (waiting_.size() > most_waiting) flush();
  }

  void flush() {
    if (waiting_.empty()) return;
    const auto lines = std::exchange(waiting_, {});
    const int fd = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    for (std::size_t done = 0; fd >= 0 && done < lines.size();) {
      const auto n = ::write(fd, lines.data() + done, lines.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) break;
      done += static_cast<std::size_t>(n);
      if (done == lines.size()) {
        ::close(fd);
        return;
      }
    }
    if (problem_.empty()) problem_ = path_.string() + ": " + std::strerror(errno);
    if (fd >= 0) ::close(fd);
  }

  const std::string& problem() const { return problem_; }

private:
  static constexpr std::size_t most_waiting = 64 * 1024;
  fs::path path_;
  std::string waiting_, problem_;
};

result<event_log> event_log::open(const fs::path& folder) {
  std::error_code ec;
  fs::create_directories(folder, ec);
  const auto path = folder / "events.jsonl";
  if (!std::ofstream(path, std::ios::binary | std::ios::trunc))
    return failure{errc::failed, path.string() + ": " + std::strerror(errno)};
  event_log log({});
  log.file_ = std::make_shared<file>(path);
  log.sink_ = [to = log.file_](const std::string& line) { to->add(line); };
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
  std::string line;
  append_fields(e, line);
  chain_ += line;
  chain_ = sha256(chain_);
  if (sink_) sink_(line);
  if (listener_) listener_(e);
  return e.seq;
}

void event_log::flush() {
  if (file_) file_->flush();
}

std::string event_log::problem() const {
  return file_ ? file_->problem() : std::string();
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
