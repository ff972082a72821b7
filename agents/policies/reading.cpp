#include "agents/policies/reading.hpp"

#include "agents/conversation.hpp"
#include "agents/text.hpp"

#include <algorithm>
#include <cctype>
#include <map>

namespace remed::agents {

namespace {

using role = tools::chat_message::role;

bool name_character(char c) {
  return (std::isalnum(static_cast<unsigned char>(c)) != 0 &&
          std::isupper(static_cast<unsigned char>(c)) == 0) ||
         c == '-';
}

std::string lower(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// The Kubernetes name that begins at or after quotes and blanks at `at`.
std::string name_at(const std::string& text, std::size_t at) {
  while (at < text.size() && std::string_view(" `\"'*:\n").find(text[at]) != std::string_view::npos)
    ++at;
  auto end = at;
  while (end < text.size() && name_character(text[end])) ++end;
  while (end > at && text[end - 1] == '-') --end;
  return text.substr(at, end - at);
}

/// All names that follow the word in the text, in order.
std::vector<std::string> names_after(const std::string& text, const std::string& word) {
  std::vector<std::string> names;
  const auto small = lower(text);
  for (auto at = small.find(word); at != std::string::npos; at = small.find(word, at + 1)) {
    const bool whole = at == 0 || !name_character(small[at - 1]);
    const auto after = at + word.size();
    if (!whole || after >= text.size() || name_character(text[after])) continue;
    auto name = name_at(text, after);
    if (!name.empty()) names.push_back(std::move(name));
  }
  return names;
}

/// "the namespace shop" names one, "a namespace is" does not: one with a hyphen is surest, then one
/// that is no little word of English.
std::string find_namespace(const std::string& context, const std::string& report) {
  auto names = names_after(context, "namespace");
  for (auto& name : names_after(report, "namespace")) names.push_back(std::move(name));
  std::string otherwise;
  for (const auto& name : names) {
    if (name.find('-') != std::string::npos) return name;
    const bool word = name.size() < 3 || name == "and" || name == "the" || name == "with";
    if (otherwise.empty() && !word) otherwise = name;
  }
  return otherwise;
}

/// Takes the blocks of one probe result apart; each begins with "command: ".
std::vector<seen_command> read_results(const std::vector<std::string>& commands,
                                       const std::string& text) {
  std::vector<std::size_t> starts;
  std::size_t from = 0;
  for (const auto& command : commands) {
    const auto at = text.find("command: " + command + "\n", from);
    starts.push_back(at);
    if (at != std::string::npos) from = at + 1;
  }
  std::vector<seen_command> all;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    seen_command one{commands[i], {}, -1};
    if (starts[i] != std::string::npos) {
      const auto next = i + 1 < starts.size() ? starts[i + 1] : std::string::npos;
      const auto block =
          text.substr(starts[i], next == std::string::npos ? next : next - starts[i]);
      const auto code = block.find("\nexit code: ");
      const auto output = block.find("\noutput:\n");
      if (code != std::string::npos && output != std::string::npos) {
        one.exit_code = std::atoi(block.c_str() + code + 12);
        one.output = std::string(trim(std::string_view(block).substr(output + 9)));
      }
    }
    all.push_back(std::move(one));
  }
  return all;
}

std::vector<std::string> commands_in(const tools::tool_call& call) {
  const auto arguments = json::parse(call.arguments, nullptr, false);
  std::vector<std::string> commands;
  if (!arguments.is_object() || !arguments.contains("cmds")) return commands;
  for (const auto& c : arguments.at("cmds")) {
    if (c.is_string()) commands.push_back(c.get<std::string>());
  }
  return commands;
}

} // namespace

bool reading::asked(const std::string& command) const {
  return std::any_of(probed.begin(), probed.end(),
                     [&](const seen_command& c) { return c.command == command; });
}

const seen_command* reading::find(const std::string& command) const {
  const auto it = std::find_if(probed.rbegin(), probed.rend(), [&](const seen_command& c) {
    return c.command == command && c.exit_code >= 0;
  });
  return it == probed.rend() ? nullptr : &*it;
}

std::optional<json> reading::find_json(const std::string& command) const {
  const auto* seen = find(command);
  if (seen == nullptr || seen->exit_code != 0) return std::nullopt;
  auto parsed = json::parse(seen->output, nullptr, false);
  if (parsed.is_discarded()) return std::nullopt;
  return parsed;
}

bool reading::report_mentions(std::initializer_list<std::string_view> words) const {
  const auto small = lower(report);
  return std::any_of(words.begin(), words.end(),
                     [&](auto word) { return small.find(word) != std::string::npos; });
}

reading read_request(const tools::model_request& request) {
  reading r;
  r.seed = request.seed;
  r.can_probe = std::any_of(request.tools.begin(), request.tools.end(),
                            [](const auto& t) { return t.name == probe_tool; });
  std::map<std::string, tools::tool_call> calls;
  for (const auto& m : request.messages) {
    if (m.from == role::system) r.context += m.content;
    if (m.from == role::user && r.report.empty()) r.report = m.content;
    for (const auto& call : m.tool_calls) {
      calls[call.id] = call;
      if (call.name != submit_tool) continue;
      ++r.trial;
      r.probed.clear();
    }
    if (m.from != role::tool || calls[m.tool_call_id].name != probe_tool) continue;
    for (auto& seen : read_results(commands_in(calls[m.tool_call_id]), m.content)) {
      r.probed.push_back(std::move(seen));
    }
  }
  r.name_space = find_namespace(r.context, r.report);
  return r;
}

std::string first_mentioned(const std::string& text, const std::vector<std::string>& candidates) {
  std::string best;
  auto best_at = std::string::npos;
  for (const auto& name : candidates) {
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
      const auto end = at + name.size();
      const bool begins = at == 0 || !name_character(text[at - 1]);
      const bool ends = end >= text.size() || !name_character(text[end]);
      if (!begins || !ends) continue;
      if (at < best_at) best = name;
      best_at = std::min(at, best_at);
      break;
    }
  }
  return best;
}

std::string named_service(const std::string& report, const std::string& context) {
  for (const char* word : {"service", "deployment", "workload", "microservice"}) {
    for (const auto& name : names_after(report, word)) {
      // "service is slow": an English word is no name of a service unless the context knows it.
      if (name.find('-') != std::string::npos) return name;
      if (name.size() > 2 && context.find("`" + name + "`") != std::string::npos) return name;
    }
  }
  std::size_t at = 0;
  while (at < report.size()) {
    const auto name = name_at(report, at);
    if (name.find('-') != std::string::npos && context.find(name) != std::string::npos) return name;
    at += std::max<std::size_t>(name.size(), 1);
  }
  return {};
}

namespace {

/// "pod/web-1" apart: what stands before and after the slash, line by line.
std::vector<std::pair<std::string, std::string>> lines_of(const std::string& output) {
  std::vector<std::pair<std::string, std::string>> lines;
  std::size_t from = 0;
  while (from < output.size()) {
    auto end = output.find('\n', from);
    if (end == std::string::npos) end = output.size();
    const auto line = std::string(trim(std::string_view(output).substr(from, end - from)));
    const auto slash = line.find('/');
    if (slash != std::string::npos)
      lines.emplace_back(line.substr(0, slash), line.substr(slash + 1));
    from = end + 1;
  }
  return lines;
}

} // namespace

std::vector<std::string> names_of(const std::string& output) {
  std::vector<std::string> names;
  for (auto& [kind, name] : lines_of(output)) names.push_back(std::move(name));
  return names;
}

std::vector<workload_ref> workloads_of(const std::string& output) {
  std::vector<workload_ref> all;
  for (auto& [resource, name] : lines_of(output)) {
    for (const char* kind : {"Deployment", "StatefulSet", "DaemonSet"}) {
      if (resource.substr(0, resource.find('.')) == lower(kind)) all.push_back({kind, name});
    }
  }
  return all;
}

} // namespace remed::agents
