// What an init container that waits for a service asks for.
#include "environments/embedded/node/program.hpp"

#include <cstdlib>
#include <sstream>

namespace remed::env {

namespace {

/// $NAME and ${NAME} of the container's own environment.
std::string with_environment(std::string text, const json& container) {
  auto env = container.find("env");
  if (env == container.end() || !env->is_array()) return text;
  for (const auto& var : *env) {
    auto value = var.find("value");
    if (value == var.end() || !value->is_string()) continue;
    auto name = var.value("name", std::string{});
    for (const auto& mark : {"${" + name + "}", "$" + name}) {
      for (auto at = text.find(mark); at != std::string::npos;
           at = text.find(mark, at + value->get_ref<const std::string&>().size())) {
        text.replace(at, mark.size(), value->get_ref<const std::string&>());
      }
    }
  }
  return text;
}

std::string bare(std::string word) {
  while (!word.empty() && std::string("\"'$(`").find(word.front()) != std::string::npos)
    word.erase(0, 1);
  while (!word.empty() && std::string("\"';)`").find(word.back()) != std::string::npos)
    word.pop_back();
  return word;
}

bool fill(awaited_service& out, std::string url) {
  if (auto scheme = url.find("://"); scheme != std::string::npos) {
    if (url.rfind("https", 0) == 0) out.port = 443;
    url.erase(0, scheme + 3);
  }
  if (auto slash = url.find('/'); slash != std::string::npos) {
    out.path = url.substr(slash);
    url.resize(slash);
  }
  if (auto colon = url.rfind(':'); colon != std::string::npos) {
    out.port = std::atoi(url.c_str() + colon + 1);
    url.resize(colon);
  }
  out.host = url;
  return !url.empty() && out.port > 0 && out.port < 65536;
}

} // namespace

std::optional<awaited_service> awaited_by(const json& container) {
  std::string script;
  for (const auto* field : {"command", "args"}) {
    auto found = container.find(field);
    if (found == container.end() || !found->is_array()) continue;
    for (const auto& word : *found) script += word.get<std::string>() + " ";
  }
  std::istringstream words(with_environment(std::move(script), container));
  awaited_service out;
  std::string word, tool, host;
  while (words >> word) {
    word = bare(word);
    if (word == "until" || word == "while") out.again = true;
    if (word == "wget" || word == "curl" || word == "nc") {
      tool = word;
      host.clear();
    } else if (tool.empty() || word.empty() || word[0] == '-') {
      continue;
    } else if (tool == "nc") {
      auto port = std::atoi(word.c_str());
      if (!host.empty() && port > 0 && word.find_first_not_of("0123456789") == std::string::npos) {
        out.host = host;
        out.port = port;
        return out;
      }
      if (port == 0) host = word;
    } else if (word.find("://") != std::string::npos && fill(out, word)) {
      return out;
    }
  }
  return std::nullopt;
}

} // namespace remed::env
