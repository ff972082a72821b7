// One request to the API: "METHOD URL", a line with the content type, the body.
#include "environments/embedded/api_server.hpp"
#include "environments/embedded/boot.hpp"

#include <memory>
#include <string>
#include <string_view>

using namespace remed;
using namespace remed::env;

namespace {

const cluster& prototype() {
  static const auto made = [] {
    auto c = std::make_unique<cluster>(std::make_shared<cluster_rules>(standard_rules()),
                                       cluster_options{}, stepped_epoch, 7);
    install_basics(*c);
    json deployment = {{"kind", "Deployment"},
                       {"apiVersion", "apps/v1"},
                       {"metadata", {{"name", "web"}, {"namespace", "default"}}}};
    auto& spec = deployment["spec"];
    spec["replicas"] = 1;
    spec["selector"]["matchLabels"]["app"] = "web";
    spec["template"]["metadata"]["labels"]["app"] = "web";
    spec["template"]["spec"]["containers"] =
        json::array({json{{"name", "main"}, {"image", "local/busybox:1"}}});
    c->put("deployments.apps", deployment);
    json map = {{"kind", "ConfigMap"},
                {"apiVersion", "v1"},
                {"metadata", {{"name", "one"}, {"namespace", "default"}}}};
    c->put("configmaps", map);
    c->advance_to(c->now() + std::chrono::seconds{30});
    return c;
  }();
  return *made;
}

std::string_view line_of(std::string_view& text) {
  auto end = text.find('\n');
  auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto first = line_of(text);
  tools::http_request request;
  auto space = first.find(' ');
  request.method = first.substr(0, space);
  auto target = space == std::string_view::npos ? std::string_view{"/"} : first.substr(space + 1);
  if (target.empty() || target.front() != '/') return -1;
  auto mark = target.find('?');
  request.target = target;
  request.path = tools::percent_decode(target.substr(0, mark));
  if (mark != std::string_view::npos)
    request.query = tools::query_params::parse(target.substr(mark + 1));
  request.headers.set("Content-Type", std::string(line_of(text)));
  request.headers.set("Accept", "application/json");
  request.body = text;
  request.peer = "127.0.0.1:1";
  auto c = prototype().fork(1);
  api_server api(*c);
  identity admin{"token", "kubernetes-admin", {"system:masters"}};
  api.call(admin, std::move(request));
  c->advance_to(c->now() + std::chrono::seconds{5});
  return 0;
}
