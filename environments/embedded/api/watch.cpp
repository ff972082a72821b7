#include "environments/embedded/api/watch.hpp"

#include "environments/embedded/api/list.hpp"
#include "environments/embedded/api/table.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/api/verbs.hpp"
#include "runtime/json.hpp"

namespace remed::env {

namespace {

constexpr auto bookmark_period = std::chrono::seconds{60};

class watch_stream final : public live_stream {
public:
  watch_stream(const api_call& call, list_filter filter)
      : who_(call.who),
        request_(call.request),
        call_{call.server, call.c,           who_,    request_,  call.type,
              call.verb,   call.subresource, call.ns, call.name, call.kept_type},
        filter_(std::move(filter)),
        shape_(shape_of(request_)),
        stored_text_(shape_.what == wanted_shape::form::plain && wants_stored_text(call_)),
        bookmarks_(request_.query.flag("allowWatchBookmarks")) {
    auto limit = std::strtoll(request_.query.get("timeoutSeconds", "1800").c_str(), nullptr, 10);
    deadline_ = call.c.now() + std::chrono::seconds{limit > 0 ? limit : 1800};
  }

  void start(std::shared_ptr<tools::http_stream> out, std::uint64_t revision, bool initial) {
    out_ = std::move(out);
    last_ = revision;
    next_bookmark_ = call_.c.now() + bookmark_period;
    if (!initial) return;
    last_ = call_.c.objects().revision();
    for (const auto& obj :
         call_.c.objects().list(call_.type.table(), call_.type.namespaced ? call_.ns : "")) {
      if (passes(call_, filter_, *obj)) send("ADDED", obj);
    }
    if (bookmarks_)
      bookmark(request_.query.flag("sendInitialEvents") ||
               request_.query.get("resourceVersion") == "0");
  }

  bool pump(cluster& c) override {
    if (!out_ || out_->closed()) return false;
    if (c.objects().revision() != last_) {
      auto changes = c.objects().since(last_);
      if (!changes) {
        auto status = errors::expired(changes.why().what).status();
        write(json({{"type", "ERROR"}, {"object", status}}));
        return finish();
      }
      last_ = c.objects().revision();
      for (const auto& seen : *changes) {
        if (seen.resource == table_) tell(seen);
      }
    }
    if (out_->pending() > watch_backlog_limit) return finish();
    if (c.now() >= deadline_) {
      if (bookmarks_) bookmark(false);
      return finish();
    }
    if (bookmarks_ && c.now() >= next_bookmark_) bookmark(false);
    return true;
  }

  void close() override {
    if (out_) finish();
  }

  std::size_t pending() const override { return out_ ? out_->pending() : 0; }

private:
  void tell(const change& seen) {
    bool was = seen.before && passes(call_, filter_, *seen.before);
    bool is = seen.what != change::type::deleted && passes(call_, filter_, *seen.now);
    if (!was && !is) return;
    send(!is ? "DELETED" : was ? "MODIFIED" : "ADDED", seen.now);
  }

  void send(const char* type, const object& obj) {
    if (stored_text_) {
      std::string event = std::string("{\"type\":\"") + type + "\",\"object\":";
      append_stored(call_, obj, true, event);
      out_->write(std::move(event += "}\n"));
      return;
    }
    auto body = presented(call_, *obj);
    if (shape_.what == wanted_shape::form::partial) body = partial_metadata(body, shape_.version);
    if (shape_.what == wanted_shape::form::table) {
      const auto include = row_object_of(request_);
      auto version = text_at(body, {"metadata", "resourceVersion"});
      body = make_table(call_.type, {body}, call_.c.now(), include, shape_.version, !sent_columns_);
      body["metadata"]["resourceVersion"] = version;
      sent_columns_ = true;
    }
    write(json({{"type", type}, {"object", body}}));
  }

  void bookmark(bool initial_end) {
    next_bookmark_ = call_.c.now() + bookmark_period;
    json body = {{"kind", call_.type.kind}, {"apiVersion", call_.type.api_version()}};
    body["metadata"]["resourceVersion"] = std::to_string(last_);
    if (initial_end) body["metadata"]["annotations"]["k8s.io/initial-events-end"] = "true";
    if (shape_.what == wanted_shape::form::table) {
      auto obj = body;
      body = make_table(call_.type, {}, call_.c.now(), row_object::none, shape_.version,
                        !sent_columns_);
      body["metadata"] = obj["metadata"];
      auto row = json::object();
      row["cells"] = json::array();
      row["object"] = partial_metadata(obj, shape_.version);
      body["rows"].push_back(std::move(row));
    }
    write(json({{"type", "BOOKMARK"}, {"object", body}}));
  }

  void write(const json& event) { out_->write(dump(event) + "\n"); }

  bool finish() {
    out_->end();
    out_.reset();
    return false;
  }

  identity who_;
  tools::http_request request_;
  api_call call_;
  list_filter filter_;
  wanted_shape shape_;
  bool stored_text_;
  const resource_name table_ = call_.type.table();
  bool bookmarks_ = false, sent_columns_ = false;
  std::shared_ptr<tools::http_stream> out_;
  std::uint64_t last_ = 0;
  vtime deadline_{}, next_bookmark_{};
};

maybe_error check_options(const api_call& call) {
  const auto& query = call.request.query;
  auto forbidden = [](const std::string& text) {
    return errors::invalid("meta.k8s.io", "ListOptions", "",
                           {forbidden_field("resourceVersionMatch", text)});
  };
  auto match = query.get("resourceVersionMatch");
  if (query.flag("sendInitialEvents") && match != "NotOlderThan") {
    return forbidden("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  }
  if (!match.empty() && !query.has("sendInitialEvents")) {
    return forbidden(
        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
  }
  return std::nullopt;
}

} // namespace

tools::http_reply watch_objects(const api_call& call) {
  list_filter filter;
  std::uint64_t revision = 0;
  if (auto error = check_options(call)) return error_response(call.request, *error);
  if (auto error = read_filter(call, filter)) return error_response(call.request, *error);
  if (auto error = check_revision(call, revision)) return error_response(call.request, *error);
  bool initial = revision == 0 || call.request.query.flag("sendInitialEvents");
  auto watch = std::make_shared<watch_stream>(call, std::move(filter));
  tools::stream_reply reply;
  reply.headers.set("Content-Type", "application/json");
  reply.headers.set("Cache-Control", "no-cache, private");
  std::weak_ptr<const bool> alive = call.server.alive;
  reply.start = [watch, revision, initial, alive,
                 &server = call.server](std::shared_ptr<tools::http_stream> out) {
    if (alive.expired()) return out->end();
    watch->start(std::move(out), revision, initial);
    if (watch->pump(server.c)) server.streams.push_back(watch);
  };
  return reply;
}

} // namespace remed::env
