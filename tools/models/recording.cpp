#include "tools/models/recording.hpp"

#include "runtime/paths.hpp"

#include <openssl/evp.h>

#include <fstream>
#include <map>

namespace remed::tools {

namespace {

constexpr int format_version = 1;

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string sha256(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  ::EVP_Digest(text.data(), text.size(), digest, &size, ::EVP_sha256(), nullptr);
  static constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < size; ++i) {
    out += hex[digest[i] >> 4];
    out += hex[digest[i] & 15];
  }
  return out;
}

json reply_json(const model_reply& r) {
  auto calls = json::array();
  for (const auto& c : r.tool_calls)
    calls.push_back({{"id", c.id}, {"name", c.name}, {"arguments", c.arguments}});
  auto out = json::object();
  out["text"] = r.text;
  out["tool_calls"] = std::move(calls);
  out["finish_reason"] = r.finish_reason;
  out["usage"] = {{"input", r.usage.input},
                  {"output", r.usage.output},
                  {"cached", r.usage.cached},
                  {"reasoning", r.usage.reasoning}};
  out["model"] = r.model;
  out["attempts"] = r.attempts;
  out["cost"] = r.cost ? json(*r.cost) : json(nullptr);
  out["rung"] = r.rung;
  return out;
}

/// Throws nlohmann's exceptions where the recording was edited by hand and does not fit.
model_reply reply_from(const json& j) {
  model_reply out;
  out.text = j.at("text").get<std::string>();
  for (const auto& c : j.at("tool_calls"))
    out.tool_calls.push_back({c.at("id").get<std::string>(), c.at("name").get<std::string>(),
                              c.at("arguments").get<std::string>()});
  out.finish_reason = j.at("finish_reason").get<std::string>();
  const auto& usage = j.at("usage");
  out.usage = {usage.at("input").get<std::int64_t>(), usage.at("output").get<std::int64_t>(),
               usage.at("cached").get<std::int64_t>(), usage.at("reasoning").get<std::int64_t>()};
  out.model = j.at("model").get<std::string>();
  out.attempts = j.at("attempts").get<int>();
  if (!j.at("cost").is_null()) out.cost = j.at("cost").get<double>();
  out.rung = j.at("rung").get<std::string>();
  return out;
}

struct exchange {
  json request;
  std::vector<model_reply> replies;
  std::size_t used = 0;
};

std::string shorten(const std::string& text) {
  return text.size() <= 200 ? text : text.substr(0, 200) + "...";
}

/// Where two canonical requests first differ, for a person.
std::string first_difference(const json& wanted, const json& recorded) {
  const auto &a = wanted["messages"], &b = recorded["messages"];
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    auto ours = i < a.size() ? dump(a[i]) : "(none)";
    auto theirs = i < b.size() ? dump(b[i]) : "(none)";
    if (ours != theirs)
      return "message " + std::to_string(i) + " differs: asked " + shorten(ours) + ", recorded " +
             shorten(theirs);
  }
  for (const auto& [key, value] : wanted.items())
    if (!recorded.contains(key) || recorded[key] != value)
      return "'" + key + "' differs: asked " + shorten(dump(value)) + ", recorded " +
             shorten(recorded.contains(key) ? dump(recorded[key]) : "(none)");
  return "something else differs";
}

std::size_t common_messages(const json& a, const json& b) {
  const auto &x = a["messages"], &y = b["messages"];
  std::size_t n = 0;
  while (n < x.size() && n < y.size() && x[n] == y[n]) ++n;
  return n;
}

class replayed_model : public model {
public:
  replayed_model(io_loop& loop, std::string name, std::map<std::string, exchange> exchanges)
      : loop_(loop), name_(std::move(name)), exchanges_(std::move(exchanges)) {}

  std::string name() const override { return name_; }
  std::shared_ptr<void> complete(model_request request,
                                 std::function<void(result<model_reply>)> done) override {
    auto answer = [done = std::move(done), reply = look_up(request)] { done(reply); };
    return loop_.after(std::chrono::milliseconds{0}, std::move(answer));
  }

private:
  result<model_reply> look_up(const model_request& request) {
    auto found = exchanges_.find(request_key(request));
    if (found == exchanges_.end()) return miss(canonical_request(request));
    auto& e = found->second;
    auto at = std::min(e.used++, e.replies.size() - 1);
    return e.replies[at];
  }

  failure miss(const json& wanted) const {
    const json* nearest = nullptr;
    std::size_t most = 0;
    for (const auto& [key, e] : exchanges_) {
      auto n = common_messages(wanted, e.request);
      if (!nearest || n > most) nearest = &e.request;
      most = std::max(most, n);
    }
    auto why = nearest ? first_difference(wanted, *nearest) : std::string("the recording is empty");
    return {errc::failed, "the recording of " + name_ + " holds no answer to this request; " + why};
  }

  io_loop& loop_;
  std::string name_;
  std::map<std::string, exchange> exchanges_;
};

class recording_model : public model {
public:
  recording_model(std::unique_ptr<model> inner, std::shared_ptr<std::ofstream> file)
      : inner_(std::move(inner)), file_(std::move(file)) {}

  std::string name() const override { return inner_->name(); }
  bool is_policy() const override { return inner_->is_policy(); }
  std::shared_ptr<void> complete(model_request request,
                                 std::function<void(result<model_reply>)> done) override {
    auto canonical = canonical_request(request);
    auto write = [file = file_, canonical = std::move(canonical),
                  done = std::move(done)](result<model_reply> reply) {
      if (reply) {
        auto line = json::object();
        line["key"] = sha256(dump(canonical));
        line["request"] = canonical;
        line["reply"] = reply_json(*reply);
        *file << dump(line) << '\n' << std::flush;
        if (!*file)
          return done(failure{errc::failed, "the recording cannot be written: is the disk full?"});
      }
      done(std::move(reply));
    };
    return inner_->complete(std::move(request), std::move(write));
  }

private:
  std::unique_ptr<model> inner_;
  std::shared_ptr<std::ofstream> file_;
};

void take_line(const json& line, std::map<std::string, exchange>& into) {
  auto& e = into[line.at("key").get<std::string>()];
  e.request = line.at("request");
  e.replies.push_back(reply_from(line.at("reply")));
}

} // namespace

json canonical_request(const model_request& request) {
  std::map<std::string, std::string> positions;
  auto position = [&](const std::string& id) {
    auto next = "call#" + std::to_string(positions.size());
    return id.empty() ? id : positions.emplace(id, next).first->second;
  };
  auto messages = json::array();
  for (const auto& m : request.messages) {
    auto one = json::object();
    one["role"] = to_string(m.from);
    one["content"] = m.content;
    for (const auto& c : m.tool_calls)
      one["tool_calls"].push_back(
          {{"id", position(c.id)}, {"name", c.name}, {"arguments", c.arguments}});
    if (!m.tool_call_id.empty()) one["tool_call_id"] = position(m.tool_call_id);
    messages.push_back(std::move(one));
  }
  auto tools = json::array();
  for (const auto& t : request.tools)
    tools.push_back(
        {{"name", t.name}, {"description", t.description}, {"parameters", t.parameters}});
  auto out = json::object();
  out["messages"] = std::move(messages);
  out["tools"] = std::move(tools);
  out["tool_choice"] = static_cast<int>(request.tool_choice);
  out["temperature"] = request.temperature ? json(*request.temperature) : json(nullptr);
  out["seed"] = request.seed;
  out["max_tokens"] = request.max_tokens;
  return out;
}

std::string request_key(const model_request& request) {
  return sha256(dump(canonical_request(request)));
}

result<std::unique_ptr<model>> open_recording(io_loop& loop, const std::filesystem::path& file) {
  auto text = read_file(file);
  if (!text) return text.why();
  std::map<std::string, exchange> exchanges;
  std::string name;
  std::size_t at = 0, number = 0;
  while (at < text->size()) {
    auto end = std::min(text->find('\n', at), text->size());
    auto line = text->substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.empty()) continue;
    try {
      auto value = json::parse(line);
      if (number > 1)
        take_line(value, exchanges);
      else if (value.at("remed_recording").get<int>() != format_version)
        return failure{errc::bad_input,
                       file.string() + ": a recording of another version; record it again"};
      else
        name = value.at("model").get<std::string>();
    } catch (const json::exception& e) {
      // The last line may be torn where the recording program was killed.
      if (number > 1 && at > text->size()) break;
      return failure{errc::bad_input, file.string() + ':' + std::to_string(number) +
                                          ": not a line of a recording: " + e.what()};
    }
  }
  if (name.empty())
    return failure{errc::bad_input, file.string() + ": the recording has no header line"};
  return std::unique_ptr<model>(std::make_unique<replayed_model>(loop, name, std::move(exchanges)));
}

result<std::unique_ptr<model>> record_model(std::unique_ptr<model> inner,
                                            const std::filesystem::path& file) {
  auto out = std::make_shared<std::ofstream>(file, std::ios::trunc);
  auto header = json::object();
  header["remed_recording"] = format_version;
  header["model"] = inner->name();
  *out << dump(header) << '\n' << std::flush;
  if (!*out)
    return failure{errc::bad_input, file.string() + " cannot be written; choose another file"};
  return std::unique_ptr<model>(
      std::make_unique<recording_model>(std::move(inner), std::move(out)));
}

} // namespace remed::tools
