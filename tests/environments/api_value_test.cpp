// What the API gives as a value to callers in this process is what it writes for all others.
#include "tests/environments/api_support.hpp"
#include "tools/shown_table.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;
using namespace remed::env::test;

namespace {

constexpr const char* shapes[] = {
    "application/json",
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json",
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json",
};

tools::http_response ask(api_world& w, const identity& who, const std::string& url,
                         const char* accept, bool takes_value) {
  tools::http_request request;
  const auto mark = url.find('?');
  request.path = url.substr(0, mark);
  if (mark != std::string::npos) request.query = tools::query_params::parse(url.substr(mark + 1));
  request.headers.set("Accept", accept);
  request.headers.set("User-Agent", "test/1.0");
  request.takes_value = takes_value;
  return w.api->call(who, std::move(request));
}

} // namespace

TEST_CASE("an answer as a value equals the text of the same answer") {
  api_world w;
  w.post(maps, config_map("plain", {{"a", "1"}}));
  auto marked = config_map("marked");
  marked["metadata"]["annotations"] = {{"chaos-mesh.org/x", "y"}, {"own", "z"}};
  w.post(maps, marked);
  w.post(deployments, deployment("web"));
  auto blind = w.admin;
  blind.mask_injection = true;
  blind.hidden_groups = {"chaos-mesh.org"};
  blind.masked_annotation_prefix = "chaos-mesh";
  for (const auto& who : {w.admin, blind}) {
    for (const auto* accept : shapes) {
      for (const auto& url :
           {maps, maps + "/plain", maps + "/marked", maps + "/none", deployments,
            deployments + "/web", deployments + "?includeObject=None",
            deployments + "?includeObject=Object", deployments + "/web?includeObject=None",
            deployments + "?limit=1", pods, deployments + "/web/scale",
            std::string("/api/v1/nodes"), std::string("/api/v1/events"),
            std::string("/apis/metrics.k8s.io/v1beta1/namespaces/sem/pods"),
            std::string("/version"), std::string("/apis"), std::string("/nowhere")}) {
        CAPTURE(url);
        CAPTURE(accept);
        CAPTURE(who.mask_injection);
        const auto text = ask(w, who, url, accept, false), given = ask(w, who, url, accept, true);
        CHECK(given.status == text.status);
        const auto parsed = json::parse(text.body, nullptr, false);
        if (parsed.is_discarded()) {
          CHECK(given.body == text.body);
          continue;
        }
        REQUIRE(given.value);
        CHECK(*given.value == parsed);
        CHECK(given.body.empty());
      }
    }
  }
}

TEST_CASE("an object that may be shown as it is stored is handed over without a copy") {
  api_world w;
  w.post(deployments, deployment("web"));
  const auto given = ask(w, w.admin, deployments + "/web", shapes[0], true).value;
  CHECK(given == w.c->objects().get("deployments.apps", {"sem", "web"}));
}

TEST_CASE("a table that is only shown has the columns and cells of the table that is written") {
  api_world w;
  w.post(deployments, deployment("web"));
  w.post(maps, config_map("plain", {{"a", "1"}}));
  for (const auto& url : {deployments, deployments + "/web", maps, pods,
                          std::string("/api/v1/namespaces/sem/events")}) {
    CAPTURE(url);
    const auto cells_only = url + "?includeObject=None";
    const auto written = json::parse(ask(w, w.admin, cells_only, shapes[1], false).body);
    tools::http_request request;
    request.path = url;
    request.query.add("includeObject", "None");
    request.headers.set("Accept", shapes[1]);
    request.takes_value = request.takes_table = true;
    const auto shown = w.api->call(w.admin, request).table;
    REQUIRE(shown);
    const auto& columns = written["columnDefinitions"];
    REQUIRE(shown->columns->size() == columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
      CHECK((*shown->columns)[i].name == columns[i]["name"]);
      CHECK((*shown->columns)[i].only_wide == (columns[i]["priority"] != 0));
    }
    REQUIRE(shown->rows() == written["rows"].size());
    for (std::size_t n = 0; n < shown->rows(); ++n) {
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const auto& cell = written["rows"][n]["cells"][i];
        CHECK(shown->cells[n * columns.size() + i] ==
              (cell.is_string() ? cell.get<std::string>() : cell.dump()));
      }
    }
  }
}
