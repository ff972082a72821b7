#include "chaos/api_path.hpp"

#include <cctype>
#include <map>

namespace remed::chaos {

namespace {

std::string version_of(const std::string& group) {
  static const std::map<std::string, std::string> others = {{"chaos-mesh.org", "v1alpha1"},
                                                            {"autoscaling", "v2"}};
  auto found = others.find(group);
  return found == others.end() ? "v1" : found->second;
}

} // namespace

std::string api_path(const std::string& resource, const std::string& ns, const std::string& name) {
  auto dot = resource.find('.');
  auto plural = resource.substr(0, dot);
  auto group = dot == std::string::npos ? std::string{} : resource.substr(dot + 1);
  auto out = group.empty() ? "/api/v1" : "/apis/" + group + "/" + version_of(group);
  if (!ns.empty()) out += "/namespaces/" + ns;
  out += "/" + plural;
  return name.empty() ? out : out + "/" + name;
}

std::string table_of(const json& object) {
  std::string plural;
  for (unsigned char c : object.value("kind", "")) plural += static_cast<char>(std::tolower(c));
  if (plural.ends_with("y"))
    plural.replace(plural.size() - 1, 1, "ies");
  else if (!plural.ends_with("s"))
    plural += 's';
  auto version = object.value("apiVersion", "v1");
  auto slash = version.find('/');
  return slash == std::string::npos ? plural : plural + "." + version.substr(0, slash);
}

} // namespace remed::chaos
