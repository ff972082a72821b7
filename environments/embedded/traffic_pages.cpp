#include "environments/embedded/traffic_pages.hpp"

#include <map>

namespace remed::env {

std::string pages_of(const container_view& of) {
  const auto* runs = of.runs;
  if (!runs || runs->processes.empty() || (of.profile && !of.profile->inferred)) return {};
  const auto& program = runs->processes.front().comm;
  return program == "nginx" || program == "httpd" ? program : std::string{};
}

std::string server_name(const service_profile* profile) {
  static const std::map<std::string, std::string> names{{"python", "Werkzeug/3.0.1 Python/3.9.18"},
                                                        {"nginx", "nginx"},
                                                        {"node", "Express"},
                                                        {"dotnet", "Kestrel"}};
  auto found = profile ? names.find(profile->runtime) : names.end();
  return found == names.end() ? std::string{} : found->second;
}

std::string page(const std::string& server, const std::string& path, int& status) {
  if (server == "httpd" && path == "/") return "<html><body><h1>It works!</h1></body></html>\n";
  if (path == "/" || path == "/index.html") {
    return "<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head>\n<body>\n"
           "<h1>Welcome to nginx!</h1>\n<p>If you see this page, the nginx web server is "
           "successfully installed and\nworking. Further configuration is required.</p>\n"
           "</body>\n</html>\n";
  }
  status = 404;
  return "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not "
         "Found</h1></center>\r\n<hr><center>" +
         server + "</center>\r\n</body>\r\n</html>\r\n";
}

} // namespace remed::env
