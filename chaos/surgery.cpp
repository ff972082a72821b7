#include "chaos/surgery.hpp"

#include "chaos/api_path.hpp"
#include "chaos/oracle.hpp"
#include "environments/embedded/api/text.hpp"

#include <utility>

namespace remed::chaos {

namespace {

constexpr auto as_json = "application/json";
constexpr auto as_merge = "application/merge-patch+json";
constexpr auto as_strategic = "application/strategic-merge-patch+json";

failure refusal(const std::string& what, int status, const json& answer) {
  auto text = answer.is_object() ? answer.value("message", "") : std::string{};
  return {status == 0 ? errc::unreachable : errc::failed,
          what + ": " + std::to_string(status) + (text.empty() ? "" : " " + text)};
}

bool good(int status) {
  return status >= 200 && status < 300;
}

/// The object without what the server owns.
json bare(json object) {
  object.erase("status");
  for (const auto* field : {"uid", "resourceVersion", "creationTimestamp", "generation",
                            "managedFields", "deletionTimestamp", "deletionGracePeriodSeconds"}) {
    object["metadata"].erase(field);
  }
  return object;
}

} // namespace

surgery::surgery(env::environment& where, setting about, std::string name)
    : where_(&where),
      about_(std::move(about)),
      name_(std::move(name)),
      words_(words_of(about_, name_)) {}

void surgery::send(std::string method, std::string path, json body, std::string type,
                   std::function<void(int, json)> answered) {
  tools::http_request request;
  request.method = std::move(method);
  request.path = request.target = std::move(path);
  if (!body.is_null()) {
    request.body = body.dump();
    request.headers.set("Content-Type", std::move(type));
  }
  request.headers.set("Accept", as_json);
  where_->request(std::move(request), [answered = std::move(answered)](tools::http_response r) {
    auto parsed = parse_json(r.body);
    answered(r.status, parsed ? std::move(*parsed) : json());
  });
}

void surgery::inject(done callback) {
  inject_from(0, std::move(callback));
}

void surgery::inject_from(std::size_t index, done callback) {
  if (index >= about_.what.inject.size()) return callback({});
  const auto& step = about_.what.inject[index];
  if (step.what == inject_step::kind::patch) return patch(step, index, std::move(callback));
  auto object = filled(step.body, words_);
  const auto table = table_of(object);
  const auto name = object["metadata"].value("name", "");
  const auto ns = object["metadata"].value("namespace", about_.ns);
  send("POST", api_path(table, ns), std::move(object), as_json,
       [self = shared_from_this(), index, callback = std::move(callback),
        full = table + "/" + ns + "/" + name](int status, json answer) {
         if (!good(status)) return callback(refusal("creating " + full, status, answer));
         self->made_.push_back(full);
         self->inject_from(index + 1, callback);
       });
}

void surgery::patch(const inject_step& step, std::size_t index, done callback) {
  const auto path = api_path(step.resource, about_.ns, filled(step.name, words_));
  auto body = filled(step.body, words_);
  send("GET", path, {}, {},
       [self = shared_from_this(), path, body, index, callback](int status, json before) {
         if (!good(status)) return callback(refusal("reading " + path, status, before));
         self->originals_.try_emplace(path, std::move(before));
         self->send("PATCH", path, body, as_strategic, [=](int code, json answer) {
           if (!good(code)) return callback(refusal("patching " + path, code, answer));
           self->made_.push_back("patch of " + path);
           self->inject_from(index + 1, callback);
         });
       });
}

void surgery::undo(done callback) {
  undo_from(0, std::move(callback));
}

void surgery::undo_from(std::size_t index, done callback) {
  if (index >= about_.what.inverse.size()) return callback({});
  const auto& step = about_.what.inverse[index];
  if (step.what == undo_step::kind::restore) return restore(step, index, std::move(callback));
  const auto path = api_path(step.resource, about_.ns, filled(step.name, words_));
  send("DELETE", path, {}, {},
       [self = shared_from_this(), path, index, callback](int status, json answer) {
         if (!good(status) && status != 404) {
           return callback(refusal("deleting " + path, status, answer));
         }
         self->undo_from(index + 1, callback);
       });
}

void surgery::restore(const undo_step& step, std::size_t index, done callback) {
  const auto path = api_path(step.resource, about_.ns, filled(step.name, words_));
  auto known = originals_.find(path);
  if (known == originals_.end()) return undo_from(index + 1, std::move(callback));
  auto next = [self = shared_from_this(), path, index, callback](int status, json answer) {
    if (!good(status)) return callback(refusal("restoring " + path, status, answer));
    self->undo_from(index + 1, callback);
  };
  send("GET", path, {}, {},
       [self = shared_from_this(), path, next, callback, original = known->second,
        table = step.resource](int status, json now) {
         if (status == 404) { // somebody deleted it
           return self->send("POST", api_path(table, self->about_.ns), bare(original), as_json,
                             next);
         }
         if (!good(status)) return callback(refusal("reading " + path, status, now));
         now["spec"] = original["spec"];
         self->send("PUT", path, std::move(now), as_json, next);
       });
}

void surgery::force(done callback) {
  force_from(0, std::move(callback));
}

void surgery::force_from(std::size_t index, done callback) {
  if (index >= about_.what.inverse.size()) return callback({});
  const auto& step = about_.what.inverse[index];
  if (step.what == undo_step::kind::restore) return force_from(index + 1, std::move(callback));
  json body;
  body["metadata"]["annotations"]["chaos-mesh.chaos-mesh.org/cleanFinalizer"] = "forced";
  send("PATCH", api_path(step.resource, about_.ns, filled(step.name, words_)), std::move(body),
       as_merge, [self = shared_from_this(), index, callback](int, json) {
         self->force_from(index + 1, callback);
       });
}

std::string surgery::remains(const env::observation& seen) const {
  if (seen.effects) {
    for (const auto& e : *seen.effects) {
      if (e.source.ends_with("/" + name_)) return "effect " + e.kind + " on " + e.pod;
    }
  }
  for (const auto& step : about_.what.inverse) {
    auto table = seen.objects.find(step.resource);
    if (step.what != undo_step::kind::remove || table == seen.objects.end()) continue;
    for (const auto& object : table->second) {
      if ((*object)["metadata"].value("name", "") == filled(step.name, words_)) {
        return step.resource + "/" + filled(step.name, words_);
      }
    }
  }
  facts f;
  f.seen.objects = seen.objects;
  if (in_effect(f, about_).value_or(false)) return "the patch is still in place";
  return {};
}

} // namespace remed::chaos
