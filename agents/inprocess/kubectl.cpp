#include "agents/inprocess/kubectl.hpp"

#include "agents/inprocess/kinds.hpp"
#include "agents/inprocess/tables.hpp"
#include "agents/shell_words.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace remed::agents {

namespace {

/// A parsed command line.
struct line {
  std::string verb;
  std::vector<std::string> words;             ///< what is no option, after the verb
  std::map<std::string, std::string> options; ///< by long name; flags hold "true"
  std::vector<std::string> rest;              ///< after "--"

  std::string option(const std::string& name, std::string otherwise = {}) const {
    const auto it = options.find(name);
    return it == options.end() ? otherwise : it->second;
  }
  std::string ns() const {
    return options.contains("all-namespaces") ? "" : option("namespace", "default");
  }
};

const std::map<std::string, std::string>& valued() {
  static const std::map<std::string, std::string> names{
      {"-n", "namespace"},    {"--namespace", "namespace"}, {"-o", "output"},
      {"--output", "output"}, {"-l", "selector"},           {"--selector", "selector"},
      {"-c", "container"},    {"--container", "container"}, {"--raw", "raw"},
      {"--tail", "tail"}};
  return names;
}

const std::map<std::string, std::string>& flags() {
  static const std::map<std::string, std::string> names{{"-A", "all-namespaces"},
                                                        {"--all-namespaces", "all-namespaces"},
                                                        {"--containers", "containers"},
                                                        {"--previous", "previous"},
                                                        {"-p", "previous"},
                                                        {"--no-headers", "no-headers"}};
  return names;
}

/// None with `wrong` set if an option is unknown.
std::optional<line> parse(const std::vector<std::string>& words, std::string& wrong) {
  line out;
  for (std::size_t i = 1; i < words.size(); ++i) {
    auto word = words[i];
    if (word == "--") {
      out.rest.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (word[0] != '-') {
      if (out.verb.empty())
        out.verb = word;
      else
        out.words.push_back(word);
      continue;
    }
    std::optional<std::string> value;
    if (const auto equals = word.find('='); equals != std::string::npos) {
      value = word.substr(equals + 1);
      word = word.substr(0, equals);
    }
    if (const auto it = valued().find(word); it != valued().end()) {
      if (!value && ++i < words.size()) value = words[i];
      if (value)
        out.options[it->second] = *value;
      else
        wrong = word;
    } else if (const auto flag = flags().find(word); flag != flags().end()) {
      out.options[flag->second] = "true";
    } else {
      wrong = word;
    }
  }
  if (!wrong.empty()) return std::nullopt;
  return out;
}

kubectl_result failed(std::string text) {
  if (text.empty() || text.back() != '\n') text += '\n';
  return {1, std::move(text)};
}

kubectl_result unknown(const std::string& what) {
  return failed("this backend runs without processes and does not know: " + what +
                "\nIt knows: kubectl get --raw PATH | get KIND [NAME] -n NS [-l SELECTOR] [-o "
                "json|name|wide] | top pods -n NS [--containers] | logs POD -n NS | exec POD -n NS "
                "[-c CONTAINER] -- WORDS");
}

/// As kubectl prints objects: without managedFields, which are not even copied.
json tidied(const json& value) {
  if (!value.is_object()) return value;
  auto out = json::object();
  auto& all = out.get_ref<json::object_t&>();
  for (const auto& [name, member] : value.get_ref<const json::object_t&>()) {
    auto& slot = all.emplace_hint(all.end(), name, nullptr)->second;
    if (name == "metadata" && member.is_object()) {
      slot = json::object();
      auto& meta = slot.get_ref<json::object_t&>();
      for (const auto& [field, one] : member.get_ref<const json::object_t&>()) {
        if (field != "managedFields") meta.emplace_hint(meta.end(), field, one);
      }
    } else if (name == "items" && member.is_array()) {
      slot = json::array();
      for (const auto& item : member) slot.push_back(tidied(item));
    } else {
      slot = member;
    }
  }
  return out;
}

std::shared_ptr<const tools::shown_table> shown_in(const api_answer& answer) {
  return answer.table ? answer.table : shown_of(answer.value());
}

/// Names are the first column of every table; a server may answer with the objects instead.
std::string names_in(const api_answer& answer, const api_kind& kind) {
  std::string text;
  const auto whole = kind.full_name() + "/";
  auto add = [&](const std::string& name) { text.append(whole).append(name) += '\n'; };
  if (const auto table = shown_in(answer)) {
    for (std::size_t i = 0; i < table->rows(); ++i) add(table->cells[i * table->columns->size()]);
    return text;
  }
  const auto& value = answer.value();
  if (value.contains("items")) {
    for (const auto& item : value.at("items")) add(item.value("/metadata/name"_json_pointer, ""));
  } else {
    add(value.value("/metadata/name"_json_pointer, ""));
  }
  return text;
}

kubectl_result get(const api_client& api, line l) {
  // Several kinds at once are several requests, one after the other.
  if (const auto comma = l.words.empty() ? std::string::npos : l.words[0].find(',');
      comma != std::string::npos && l.option("output") == "name") {
    auto rest = l;
    rest.words[0] = l.words[0].substr(comma + 1);
    l.words[0].resize(comma);
    auto first = get(api, std::move(l));
    if (first.exit_code != 0) return first;
    auto others = get(api, std::move(rest));
    return {others.exit_code, first.output + others.output};
  }
  if (l.options.contains("raw")) {
    const auto answer = api.text(l.option("raw"));
    return answer.ok() ? kubectl_result{0, answer.body} : failed(answer.error());
  }
  if (l.words.empty()) return unknown("get without a kind");
  auto word = l.words[0];
  std::string name = l.words.size() > 1 ? l.words[1] : "";
  if (const auto slash = word.find('/'); slash != std::string::npos) {
    name = word.substr(slash + 1);
    word = word.substr(0, slash);
  }
  const auto kind = kind_by_word(word);
  if (!kind || l.words.size() > 2) {
    return failed("error: the server doesn't have a resource type \"" + word + "\"");
  }
  auto target = kind->path(l.ns(), name);
  const auto format = l.option("output");
  const bool table = format != "json";
  if (table && !format.empty() && format != "wide" && format != "name")
    return unknown("-o " + format);
  tools::query_params query;
  if (l.options.contains("selector")) query.add("labelSelector", l.option("selector"));
  // Rows that name their namespace need the object's; else the cells are enough.
  if (table && (format == "name" || !l.ns().empty())) query.add("includeObject", "None");
  if (const auto asked = query.encode(); !asked.empty()) target += "?" + asked;
  const auto answer = table ? api.table(target) : api.get(target);
  if (!answer.ok()) return failed(answer.error());
  if (format == "name") return {0, names_in(answer, *kind)};
  if (format == "json") {
    auto shown = tidied(answer.value());
    if (shown.contains("items")) shown["kind"] = "List";
    return {0, shown.dump(2) + "\n"};
  }
  const auto rows = shown_in(answer);
  if (!rows) return failed("error: the server's answer is no table");
  const auto text =
      render_table(*rows, format == "wide", l.ns().empty(), !l.options.contains("no-headers"));
  if (text.empty()) return {0, "No resources found in " + l.ns() + " namespace.\n"};
  return {0, text};
}

kubectl_result top(const api_client& api, const line& l) {
  if (l.words.empty() || !kind_by_word(l.words[0]) || kind_by_word(l.words[0])->kind != "Pod") {
    return unknown("top of anything but pods");
  }
  std::string target = "/apis/metrics.k8s.io/v1beta1/namespaces/" + l.ns() + "/pods";
  if (l.words.size() > 1) target += "/" + l.words[1];
  if (l.options.contains("selector")) {
    target += "?labelSelector=" + tools::percent_encode(l.option("selector"));
  }
  const auto answer = api.get(target);
  if (!answer.ok()) return failed(answer.error());
  return {0, render_top(answer.value(), l.options.contains("containers"))};
}

kubectl_result logs(const api_client& api, const line& l) {
  if (l.words.size() != 1) return unknown("logs of anything but one pod");
  tools::query_params query;
  if (l.options.contains("container")) query.add("container", l.option("container"));
  if (l.options.contains("tail")) query.add("tailLines", l.option("tail"));
  if (l.options.contains("previous")) query.add("previous", "true");
  const auto answer =
      api.text("/api/v1/namespaces/" + l.ns() + "/pods/" + l.words[0] + "/log?" + query.encode());
  return answer.ok() ? kubectl_result{0, answer.body} : failed(answer.error());
}

void exec(const api_client& api, const line& l, std::function<void(kubectl_result)> done) {
  if (l.words.size() != 1 || l.rest.empty()) return done(unknown("exec without POD -- WORDS"));
  const auto pod = l.words[0].starts_with("pod/") ? l.words[0].substr(4) : l.words[0];
  api.exec(l.ns(), pod, l.option("container"), l.rest,
           [done = std::move(done)](int exit_code, std::string output) {
             if (exit_code != 0) {
               output += "command terminated with exit code " + std::to_string(exit_code) + "\n";
             }
             done({exit_code, std::move(output)});
           });
}

} // namespace

void run_kubectl(const api_client& api, const std::string& text,
                 std::function<void(kubectl_result)> done) {
  const auto words = shell_words(text);
  const bool plain = !words.empty() && words[0] == "kubectl" &&
                     std::none_of(words.begin(), words.end(), [](auto& w) { return w.empty(); });
  if (!plain) return done(unknown("anything but one plain kubectl command: " + text));
  std::string wrong;
  const auto l = parse(words, wrong);
  if (!l) return done(unknown("the option " + wrong));
  if (l->verb == "get") return done(get(api, *l));
  if (l->verb == "top") return done(top(api, *l));
  if (l->verb == "logs") return done(logs(api, *l));
  if (l->verb == "exec") return exec(api, *l, std::move(done));
  done(unknown("kubectl " + l->verb));
}

} // namespace remed::agents
