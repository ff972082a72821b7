#include "agents/mind.hpp"

#include "agents/text.hpp"

#include <algorithm>
#include <map>

namespace remed::agents {

namespace {

std::string quoted_tools(bool may_probe) {
  std::string names;
  for (const auto& tool : tool_specs(may_probe)) names += (names.empty() ? "" : ", ") + tool.name;
  return names;
}

/// A text field of a tool's arguments, or what is wrong with it.
result<std::string> text_argument(const json& arguments, const char* name) {
  const auto field = arguments.find(name);
  const std::string label = std::string("the field \"") + name + "\"";
  if (field == arguments.end()) return failure{errc::bad_input, label + " is missing"};
  if (!field->is_string()) return failure{errc::bad_input, label + " must be a text"};
  if (trim(field->get_ref<const std::string&>()).empty()) {
    return failure{errc::bad_input, label + " is empty"};
  }
  return field->get<std::string>();
}

result<json> parse_arguments(const tool_use& use) {
  // Some servers send nothing at all for a call without arguments.
  auto parsed = parse_json(trim(use.arguments).empty() ? "{}" : std::string_view(use.arguments));
  if (!parsed) {
    return failure{errc::bad_input,
                   "the arguments of " + use.name + " are not valid JSON: " + parsed.why().what};
  }
  if (!parsed->is_object()) {
    return failure{errc::bad_input, "the arguments of " + use.name + " must be a JSON object"};
  }
  return parsed;
}

result<std::vector<std::string>> commands_of(const json& arguments) {
  const auto list = arguments.find("cmds");
  if (list == arguments.end()) return failure{errc::bad_input, "the field \"cmds\" is missing"};
  if (!list->is_array() || list->empty()) {
    return failure{errc::bad_input, "the field \"cmds\" must be a list with at least one command"};
  }
  std::vector<std::string> commands;
  for (const auto& item : *list) {
    if (!item.is_string() || trim(item.get_ref<const std::string&>()).empty()) {
      return failure{errc::bad_input, "each item of \"cmds\" must be a text with one command"};
    }
    commands.push_back(item.get<std::string>());
  }
  return commands;
}

submit submission(std::string_view yaml, std::string rationale) {
  auto code = strip_fence(yaml);
  if (code.fenced) rationale += " [the code fence around the playbook was removed]";
  return {std::move(code.text), std::move(rationale)};
}

std::string format(const command_report& r, std::size_t limit) {
  return "command: " + r.command + "\nexit code: " + std::to_string(r.exit_code) + "\noutput:\n" +
         shorten(r.output, limit);
}

} // namespace

mind::mind(mind_settings settings, budget& spent)
    : settings_(std::move(settings)), budget_(&spent), conversation_(settings_.texts) {}

tools::model_request mind::request() const {
  tools::model_request request;
  request.messages = conversation_.messages();
  request.tools = tool_specs(settings_.may_probe);
  request.tool_choice = settings_.text_playbook ? tools::model_request::choice::automatic
                                                : tools::model_request::choice::required;
  request.max_tokens = settings_.max_tokens;
  request.seed = settings_.seed;
  return request;
}

step mind::begin_trial(const incident& what) {
  conversation_.begin_trial(what);
  wanted_.clear();
  repairs_ = refused_ = rejected_ = 0;
  return ask{};
}

step mind::heard(const model_reply& reply) {
  if (reply.problem_kind == "budget") return limit_hit{reply.problem, true};
  if (reply.problem_kind == "garbage")
    return repair("your answer could not be read: " + reply.problem);
  if (!reply.problem_kind.empty()) return outside_broken{"model", reply.problem};
  conversation_.heard(reply);
  const auto& calls = reply.tool_calls;
  if (calls.empty()) return plain_text(reply);
  const bool only_probes =
      std::all_of(calls.begin(), calls.end(), [](const auto& c) { return c.name == probe_tool; });
  if (only_probes && settings_.may_probe) return use_probes(calls);
  if (calls.size() > 1) {
    return repair("you called " + std::to_string(calls.size()) +
                  " tools at once; none was run. Call exactly one");
  }
  return use_tool(calls.front());
}

step mind::repair(const std::string& why) {
  if (++repairs_ > settings_.repairs) {
    return unusable{"the model gave " + std::to_string(repairs_) +
                    " unusable answers in one trial; the last: " + why};
  }
  conversation_.say(
      "This was not accepted: " + why +
      ". Answer with one call of one of these tools: " + quoted_tools(settings_.may_probe) + ".");
  return ask{};
}

step mind::rejected(const std::string& why) {
  ++rejected_;
  conversation_.say("The playbook was rejected before it was run, and no trial was spent: " + why +
                    "\nMend it and hand in the whole playbook again.");
  return ask{};
}

step mind::plain_text(const model_reply& reply) {
  if (reply.finish_reason == "length") {
    return repair("your answer was cut off after the largest number of tokens; be shorter");
  }
  if (settings_.text_playbook) {
    auto yaml = first_yaml_block(reply.text);
    if (!trim(yaml).empty())
      return submit{std::move(yaml), "[taken from a code block in plain text]"};
    return repair("there was neither a tool call nor a ```yaml block with a playbook");
  }
  return repair(reply.text.empty() ? "the answer was empty"
                                   : "the answer was plain text without a tool call");
}

step mind::use_tool(const tool_use& use) {
  if (use.name != submit_tool && use.name != give_up_tool) {
    return repair("there is no tool named \"" + use.name + "\"");
  }
  const auto arguments = parse_arguments(use);
  if (!arguments) return repair(arguments.why().what);
  if (use.name == give_up_tool) {
    auto reason = text_argument(*arguments, "reason");
    if (!reason) return repair(reason.why().what);
    return resign{std::move(*reason)};
  }
  const auto yaml = text_argument(*arguments, "playbook");
  if (!yaml) return repair(yaml.why().what);
  const auto rationale = text_argument(*arguments, "rationale");
  if (!rationale) return repair(rationale.why().what);
  return submission(*yaml, *rationale);
}

step mind::use_probes(const std::vector<tool_use>& uses) {
  std::vector<wanted> asked;
  for (const auto& use : uses) {
    const auto arguments = parse_arguments(use);
    if (!arguments) return repair(arguments.why().what);
    auto commands = commands_of(*arguments);
    if (!commands) return repair(commands.why().what);
    for (auto& command : *commands) asked.push_back({use.id, std::move(command)});
  }
  wanted_ = std::move(asked);
  probe_first run;
  for (auto& w : wanted_) {
    w.refused = !budget_->take_probe();
    if (!w.refused) run.commands.push_back(w.command);
  }
  if (!run.commands.empty()) return run;
  if (++refused_ > settings_.refused_probes) return limit_hit{"probes", false};
  return probed({});
}

step mind::probed(const probe_report& report) {
  std::map<std::string, std::string> texts;
  std::vector<std::string> order;
  std::size_t next = 0;
  for (const auto& w : wanted_) {
    if (!texts.contains(w.call_id)) order.push_back(w.call_id);
    auto& text = texts[w.call_id];
    if (!text.empty()) text += "\n\n";
    if (w.refused) {
      text += "command: " + w.command + "\nnot run: all " +
              std::to_string(budget_->most().probes_per_trial) +
              " probe commands of this trial are used up; submit a playbook now";
    } else if (next < report.results.size()) {
      text += format(report.results[next++], settings_.output_chars);
    } else {
      text += "command: " + w.command + "\nnot run";
    }
  }
  wanted_.clear();
  for (const auto& id : order) conversation_.answer(id, std::move(texts[id]));
  return ask{};
}

} // namespace remed::agents
