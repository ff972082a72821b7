#include "environments/embedded/api/patch.hpp"

#include "environments/embedded/api/text.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr std::string_view order_prefix = "$setElementOrder/";
constexpr std::string_view remove_prefix = "$deleteFromPrimitiveList/";

bool is_directive(std::string_view key) {
  return !key.empty() && key[0] == '$';
}

/// Strategic merge of one document; errors are kept until the end.
class merger {
public:
  maybe_error error;

  /// False when the patch asks for the object itself to go.
  bool merge(const schema_node* type, json& target, const json& patch) {
    auto directive = patch.value("$patch", "");
    if (directive == "delete") return false;
    if (!target.is_object() || directive == "replace") target = json::object();
    if (auto keep = patch.find("$retainKeys"); keep != patch.end()) retain(target, *keep);
    for (const auto& [key, value] : patch.items()) {
      if (key.rfind(remove_prefix, 0) == 0) {
        remove_values(target, key.substr(remove_prefix.size()), value);
      }
    }
    for (const auto& [key, value] : patch.items()) {
      if (!is_directive(key))
        merge_member(type ? type->field(key) : nullptr, target, key, value, patch);
    }
    order_untouched(type, target, patch);
    return true;
  }

private:
  void merge_member(const schema_node* type, json& target, const std::string& key,
                    const json& value, const json& patch) {
    if (value.is_null()) {
      target.erase(key);
      return;
    }
    if (value.is_object()) {
      auto& slot = target[key];
      if (type && type->retains_keys == false && slot.is_null()) slot = json::object();
      if (!merge(type, slot, value)) target.erase(key);
      return;
    }
    if (value.is_array() && type && type->merges) {
      auto& slot = target[key];
      if (!slot.is_array()) slot = json::array();
      auto before = slot;
      if (type->merge_key.empty())
        merge_values(slot, value);
      else
        merge_items(*type, slot, value);
      if (auto order = patch.find(std::string(order_prefix) + key); order != patch.end()) {
        arrange(type->merge_key, slot, *order, before);
      }
      return;
    }
    target[key] = value;
  }

  static void retain(json& target, const json& keys) {
    for (auto at = target.begin(); at != target.end();) {
      if (std::find(keys.begin(), keys.end(), at.key()) == keys.end())
        at = target.erase(at);
      else
        ++at;
    }
  }

  static void remove_values(json& target, const std::string& key, const json& values) {
    if (!target.contains(key) || !target[key].is_array()) return;
    auto kept = json::array();
    for (const auto& v : target[key]) {
      if (std::find(values.begin(), values.end(), v) == values.end()) kept.push_back(v);
    }
    target[key] = std::move(kept);
  }

  static void merge_values(json& list, const json& more) {
    for (const auto& v : more) {
      if (std::find(list.begin(), list.end(), v) == list.end()) list.push_back(v);
    }
  }

  void merge_items(const schema_node& type, json& list, const json& items) {
    for (const auto& item : items) {
      if (item.is_object() && item.value("$patch", "") == "replace") list = json::array();
    }
    for (const auto& item : items) {
      if (!item.is_object()) continue;
      auto directive = item.value("$patch", "");
      if (directive == "replace" && item.size() == 1) continue;
      auto key = item.find(type.merge_key);
      if (key == item.end()) {
        error = api_error{
            500, "",
            "map: " + item.dump() + " does not contain declared merge key: " + type.merge_key,
            nullptr};
        return;
      }
      auto found = std::find_if(list.begin(), list.end(), [&](const json& have) {
        return have.is_object() && have.contains(type.merge_key) && have[type.merge_key] == *key;
      });
      if (directive == "delete") {
        if (found != list.end()) list.erase(found);
        continue;
      }
      if (found == list.end()) {
        list.push_back(json::object());
        found = list.end() - 1;
      }
      merge(type.items, *found, item);
    }
  }

  /// Items named in `order` follow it; the server's other items keep their place among those that
  /// were there before.
  static void arrange(const std::string& merge_key, json& list, const json& order,
                      const json& before) {
    auto id = [&](const json& item) {
      return merge_key.empty() || !item.is_object() ? item : item.value(merge_key, json());
    };
    auto rank = [&](const json& item) {
      for (std::size_t i = 0; i < before.size(); ++i) {
        if (id(before[i]) == id(item)) return static_cast<int>(i);
      }
      return -1;
    };
    std::vector<json> named, others;
    for (const auto& entry : order) {
      for (const auto& item : list) {
        if (id(item) == id(entry)) named.push_back(item);
      }
    }
    for (const auto& item : list) {
      bool listed = std::any_of(order.begin(), order.end(),
                                [&](const json& entry) { return id(entry) == id(item); });
      if (!listed) others.push_back(item);
    }
    auto out = json::array();
    std::size_t next = 0;
    for (const auto& item : named) {
      auto mine = rank(item);
      while (next < others.size() && mine >= 0 && rank(others[next]) < mine) {
        out.push_back(others[next++]);
      }
      out.push_back(item);
    }
    while (next < others.size()) out.push_back(others[next++]);
    list = std::move(out);
  }

  /// An order alone, without items, still arranges.
  static void order_untouched(const schema_node* type, json& target, const json& patch) {
    for (const auto& [key, order] : patch.items()) {
      if (key.rfind(order_prefix, 0) != 0) continue;
      auto name = key.substr(order_prefix.size());
      if (patch.contains(name) || !target.contains(name) || !target[name].is_array()) continue;
      auto* field = type ? type->field(name) : nullptr;
      auto before = target[name];
      arrange(field ? field->merge_key : std::string{}, target[name], order, before);
    }
  }
};

/// Whether a path's parent, where there is one, can have members; the library takes it for granted.
bool has_place(const json& document, const std::string& path) {
  const json::json_pointer to(path);
  if (to.empty() || !document.contains(to.parent_pointer())) return true;
  const auto& parent = document.at(to.parent_pointer());
  return parent.is_structured() || parent.is_null();
}

/// One operation of a JSON patch; false, or an exception of the library: it does not apply.
bool apply_operation(json& document, const json& operation) {
  const auto does = text_at(operation, {"op"}), path = text_at(operation, {"path"});
  if (does == "move") {
    auto moved = json::object({{"op", "add"}, {"path", at_path(operation, {"path"})}});
    const auto from = text_at(operation, {"from"});
    moved["value"] = document.at(json::json_pointer(from));
    const auto leave = json::object({{"op", "remove"}, {"path", at_path(operation, {"from"})}});
    return apply_operation(document, leave) && apply_operation(document, moved);
  }
  const bool needs_place = does == "add" || does == "copy" || does == "remove";
  if (needs_place && !has_place(document, path)) return false;
  document.patch_inplace(json::array({operation}));
  return true;
}

} // namespace

maybe_error json_patch(json& target, const json& patch) {
  if (!patch.is_array()) {
    return errors::bad_request(
        "json: cannot unmarshal object into Go value of type jsonpatch.Patch");
  }
  auto after = target;
  try {
    for (const auto& operation : patch) {
      if (!apply_operation(after, operation)) return errors::unprocessable();
    }
  } catch (const json::exception&) {
    return errors::unprocessable();
  }
  target = std::move(after);
  return std::nullopt;
}

maybe_error merge_patch(json& target, const json& patch) {
  if (!patch.is_object()) return errors::bad_request("Invalid JSON Patch");
  target.merge_patch(patch);
  return std::nullopt;
}

maybe_error strategic_merge(const schema_node* type, json& target, const json& patch) {
  if (!patch.is_object()) {
    return errors::bad_request(
        "json: cannot unmarshal array into Go value of type map[string]interface {}");
  }
  merger m;
  try {
    m.merge(type, target, patch);
  } catch (const json::exception& e) {
    return errors::bad_request(e.what());
  }
  return m.error;
}

} // namespace remed::env
