#include "environments/embedded/node/program.hpp"

#include "environments/embedded/node/environment.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <set>

namespace remed::env {

namespace {

std::string base_name(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

bool is_shell(const std::string& name) {
  static const std::set<std::string> shells{"sh", "bash", "ash", "dash"};
  return shells.count(name) > 0;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& w : words) out += (out.empty() ? "" : " ") + w;
  return out;
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> out;
  std::string word;
  char quote = 0;
  bool open = false;
  for (char c : text) {
    if (quote) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      open = true;
    } else if (c == ' ' || c == '\t') {
      if (!word.empty() || open) out.push_back(std::exchange(word, {}));
      open = false;
    } else {
      word += c;
    }
  }
  if (!word.empty() || open) out.push_back(word);
  return out;
}

/// Drops the bodies of here-documents: they are input, not commands.
std::string without_heredocs(const std::string& script) {
  std::string out, end;
  std::size_t at = 0;
  while (at < script.size()) {
    auto eol = std::min(script.find('\n', at), script.size());
    auto line = script.substr(at, eol - at);
    at = eol + 1;
    if (!end.empty()) {
      if (line == end) end.clear();
      continue;
    }
    if (auto mark = line.find("<<"); mark != std::string::npos) {
      for (char c : line.substr(mark + 2)) {
        if (c == ' ' || c == ';' || c == '&') break;
        if (c != '\'' && c != '"' && c != '-') end += c;
      }
    }
    out += line + "\n";
  }
  return out;
}

/// The simple commands of a script in order; separators inside quotes do not count.
std::vector<std::string> commands_of(const std::string& script) {
  std::vector<std::string> out;
  std::string one;
  char quote = 0;
  auto flush = [&] {
    auto from = one.find_first_not_of(" \t");
    if (from != std::string::npos && one[from] != '#') out.push_back(one.substr(from));
    one.clear();
  };
  for (std::size_t i = 0; i < script.size(); ++i) {
    char c = script[i];
    if (quote) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == ';' || c == '\n' ||
               (c == '&' && i + 1 < script.size() && script[i + 1] == '&')) {
      flush();
      if (c == '&') ++i;
      continue;
    }
    one += c;
  }
  flush();
  return out;
}

/// What a simple command takes: seconds, or none when it is not known to end.
std::optional<double> time_of(const std::vector<std::string>& words, int& exit_code) {
  static const std::set<std::string> quick{
      "echo",     "printf", "true", ":",     "mkdir", "touch",  "date", "ls",  "cat",   "cd",
      "cp",       "mv",     "rm",   "chmod", "chown", "export", "set",  "env", "pwd",   "id",
      "hostname", "uname",  "ln",   "test",  "[",     "false",  "grep", "sed", "which", "python"};
  auto name = base_name(words.front());
  if (name == "sleep") return words.size() > 1 ? sleep_seconds(words[1]) : std::optional<double>{0};
  exit_code = name == "false" ? 1 : 0;
  if (name == "pip" || name == "pip3" || name == "apk" || name == "apt-get") return 6;
  if (name == "python" && words.size() > 1) return std::nullopt;
  if (name.find('=') != std::string::npos && words.size() == 1) return 0;
  if (quick.count(name)) return 0.01;
  return std::nullopt;
}

process_info process(int pid, int ppid, const std::vector<std::string>& argv) {
  process_info p;
  p.pid = pid;
  p.ppid = ppid;
  p.comm = base_name(argv.front()).substr(0, 15);
  p.args = joined(argv);
  static const std::set<std::string> many{"java", "node", "mysqld", "mongod", "dotnet"};
  p.threads = many.count(p.comm) ? 11 : 1;
  return p;
}

/// A script given to a shell with -c.
void read_script(program& out, const std::string& text) {
  static const std::set<std::string> loops{"while", "until", "for", "("};
  out.handles_term = false;
  double total = 0;
  for (const auto& command : commands_of(without_heredocs(text))) {
    auto words = words_of(command);
    if (words.empty()) continue;
    if (words.front() == "exit") {
      out.exit_code = words.size() > 1 ? std::atoi(words[1].c_str()) : out.exit_code;
      out.ends_after = from_seconds(total);
      return;
    }
    if (words.front() == "trap") {
      out.handles_term = true;
      continue;
    }
    if (loops.count(words.front()) || words.front()[0] == '(') return;
    bool replaces = words.front() == "exec" && words.size() > 1;
    if (replaces) words.erase(words.begin());
    if (words.back() == "&") continue;
    auto takes = time_of(words, out.exit_code);
    if (replaces) {
      out.processes = {process(1, 0, words)};
      out.handles_term = base_name(words.front()) != "sleep" && words.front() != "tail";
      out.serves = !takes && out.handles_term;
    } else if (!takes || *takes >= 1) {
      out.processes.resize(1);
      out.processes.push_back(process(7, 1, words));
    }
    if (!takes) {
      out.serves = words.front() != "sleep" && words.front() != "tail";
      return;
    }
    total += *takes;
  }
  out.ends_after = from_seconds(total);
}

/// "python -m http.server 8080" says where it listens; else the image does.
int port_of(const std::vector<std::string>& argv, const image_facts& image) {
  auto at = std::find(argv.begin(), argv.end(), "http.server");
  if (at == argv.end()) return image.port;
  auto given = at + 1 != argv.end() ? std::atoi((at + 1)->c_str()) : 0;
  return given > 0 ? given : 8000;
}

/// A shell or interpreter without anything to run reads its input: at its end, it ends.
void wait_for_input(program& out, const json& container) {
  out.interactive = container.value("stdin", false);
  out.handles_term = !out.interactive;
  if (!out.interactive) out.ends_after = duration{0};
}

std::vector<std::string> strings(const json& container, const char* field) {
  std::vector<std::string> out;
  if (!container.contains(field) || !container[field].is_array()) return out;
  for (const auto& word : container[field]) out.push_back(word.get<std::string>());
  return out;
}

/// The values of the container's environment; references were resolved before.
environment values_of(const json& container) {
  environment out;
  if (!container.contains("env")) return out;
  for (const auto& var : container["env"]) {
    if (var.contains("value")) out.emplace_back(var.value("name", ""), var.value("value", ""));
  }
  return out;
}

bool has_executable(const image_facts& image, const std::string& path) {
  if (image.only.empty()) return true;
  return std::any_of(image.only.begin(), image.only.end(),
                     [&](const auto& known) { return known == path || base_name(known) == path; });
}

/// $NAME and ${NAME} replaced; none when the text holds more than that.
std::optional<std::string> with_variables(const std::string& text, const environment& known) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '`') return std::nullopt;
    if (text[i] != '$') {
      out += text[i];
      continue;
    }
    const bool braces = i + 1 < text.size() && text[i + 1] == '{';
    const auto from = i + (braces ? 2 : 1);
    auto end = from;
    while (end < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_'))
      ++end;
    if (end == from || (braces && (end == text.size() || text[end] != '}'))) return std::nullopt;
    const auto name = text.substr(from, end - from);
    const auto value = std::find_if(known.rbegin(), known.rend(),
                                    [&](const auto& one) { return one.first == name; });
    if (value != known.rend()) out += value->second;
    i = braces ? end : end - 1;
  }
  return out;
}

/// What `echo` with these words prints; none when it goes elsewhere than to the log.
std::optional<spoken_line> echoed(std::vector<std::string> words, const environment& known) {
  spoken_line out;
  if (words.back() == ">&2" || words.back() == "1>&2") {
    out.is_error = true;
    words.pop_back();
  }
  auto first = words.begin() + 1;
  while (first != words.end() && (*first == "-n" || *first == "-e")) ++first;
  const auto text = with_variables(joined({first, words.end()}), known);
  if (!text || text->find_first_of("|<>") != std::string::npos) return std::nullopt;
  out.text = *text;
  return out;
}

} // namespace

std::vector<spoken_line> lines_spoken(const json& container, const environment& known) {
  auto argv = strings(container, "command");
  for (auto& word : strings(container, "args")) argv.push_back(std::move(word));
  for (auto& word : argv) word = expand_references(word, known);
  if (argv.empty()) return {};
  std::vector<std::vector<std::string>> all{argv};
  if (is_shell(base_name(argv.front()))) {
    all.clear();
    if (argv.size() < 3 || argv[1].front() != '-' || argv[1].back() != 'c') return {};
    for (const auto& one : commands_of(without_heredocs(argv[2]))) all.push_back(words_of(one));
  }
  std::vector<spoken_line> out;
  double total = 0;
  for (const auto& words : all) {
    if (words.empty()) continue;
    int code = 0;
    const auto takes = time_of(words, code);
    if (words.front() == "exit" || !takes) break;
    total += *takes;
    auto line = words.front() == "echo" ? echoed(words, known) : std::nullopt;
    if (!line) continue;
    line->after = from_seconds(total);
    out.push_back(std::move(*line));
  }
  return out;
}

std::optional<double> sleep_seconds(const std::string& text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !std::isfinite(value)) return std::nullopt;
  switch (end == text.data() + text.size() ? 's' : *end) {
    case 's':
      return value;
    case 'm':
      return value * 60;
    case 'h':
      return value * 3600;
    case 'd':
      return value * 86400;
    default:
      return std::nullopt;
  }
}

program read_program(const json& container, const image_facts& image) {
  program out;
  auto command = strings(container, "command");
  auto args = strings(container, "args");
  bool own = command.empty() && args.empty();
  out.argv = command.empty() ? (args.empty() || image.exits ? image.runs : image.runs) : command;
  if (command.empty() && !args.empty()) {
    // Images of interpreters and shells run the given words; servers get them as arguments.
    if (image.exits)
      out.argv = args;
    else
      out.argv.insert(out.argv.end(), args.begin(), args.end());
  } else {
    out.argv.insert(out.argv.end(), args.begin(), args.end());
  }
  auto known = values_of(container);
  for (auto& word : out.argv) word = expand_references(word, known);
  if (out.argv.empty()) out.argv = {"/entrypoint"};
  if (!has_executable(image, out.argv.front())) {
    out.missing = out.argv.front();
    return out;
  }
  out.processes = {process(1, 0, out.argv)};
  auto name = base_name(out.argv.front());
  if (own && image.exits) {
    wait_for_input(out, container);
  } else if (is_shell(name)) {
    auto flag = std::find_if(out.argv.begin(), out.argv.end(), [](const auto& word) {
      return word.size() > 1 && word.front() == '-' && word.back() == 'c';
    });
    if (flag != out.argv.end() && flag + 1 != out.argv.end())
      read_script(out, *(flag + 1));
    else if (out.argv.size() == 1)
      wait_for_input(out, container);
    else
      out.handles_term = false;
  } else {
    if (auto takes = time_of(out.argv, out.exit_code)) out.ends_after = from_seconds(*takes);
    out.handles_term = name != "sleep" && name != "tail";
    out.serves = !out.ends_after && out.handles_term && name != "pause";
    out.port = port_of(out.argv, image);
  }
  return out;
}

} // namespace remed::env
