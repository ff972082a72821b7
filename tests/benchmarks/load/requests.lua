-- What wrk sends; the operation comes as the first argument, the token by the environment. Prints
-- one line "count p50_ms p99_ms errors" at the end.
local token = os.getenv("REMED_TOKEN")
local base = os.getenv("REMED_BASE") or ""
local counter = 0
local threads = 0
local operation = "get"
local first = 0
local id = 0

local headers = {
  ["Authorization"] = "Bearer " .. token,
  ["Accept"] = "application/json",
  ["User-Agent"] = "wrk",
}

local function with(type)
  local out = { ["Content-Type"] = type }
  for k, v in pairs(headers) do out[k] = v end
  return out
end

local namespace = base .. "/api/v1/namespaces/load"
local deployments = base .. "/apis/apps/v1/namespaces/load-apps/deployments"

local make = {
  get = function() return wrk.format("GET", namespace .. "/pods/pod-" .. counter % 500, headers) end,
  list = function() return wrk.format("GET", namespace .. "/pods", headers) end,
  list_label = function()
    return wrk.format("GET", namespace .. "/pods?labelSelector=group%3Dg" .. counter % 25, headers)
  end,
  list_table = function()
    local as = with("application/json")
    as["Accept"] = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    return wrk.format("GET", namespace .. "/pods", as)
  end,
  create = function()
    local name = string.format("made-%d-%d-%d", os.time(), id, counter)
    return wrk.format("POST", namespace .. "/configmaps", with("application/json"),
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"' .. name ..
      '"},"data":{"key":"' .. string.rep("x", 100) .. '"}}')
  end,
  patch = function()
    return wrk.format("PATCH", deployments .. "/deploy-" .. counter % 50,
      with("application/strategic-merge-patch+json"),
      string.format('{"metadata":{"annotations":{"bench":"%d-%d"}}}', id, counter))
  end,
  touch = function() -- what watchers of ConfigMaps see
    return wrk.format("PATCH", namespace .. "/configmaps/watched-" .. counter % 20,
      with("application/merge-patch+json"), string.format('{"data":{"key":"%d-%d"}}', id, counter))
  end,
}

-- All operations in turn. What a soak creates it deletes long enough after to find it made.
local delay = 800
local soaking = { "get", "patch", "get", "touch", "list_table_label", "list_label", "make", "remove" }

function make.list_table_label()
  local as = with("application/json")
  as["Accept"] = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
  return wrk.format("GET", namespace .. "/pods?labelSelector=group%3Dg" .. counter % 25, as)
end

function make.make()
  return wrk.format("POST", namespace .. "/secrets", with("application/json"),
    '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"soak-' .. counter ..
    '"},"stringData":{"key":"' .. string.rep("x", 100) .. '"}}')
end

function make.remove()
  local name = counter - 1 - delay
  if name < first then return make.get() end
  return wrk.format("DELETE", namespace .. "/secrets/soak-" .. name, headers)
end

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init(args)
  operation = args[1] or "get"
  counter = math.random(1000)
  first = counter
end

function request()
  counter = counter + 1
  if operation == "soak" then return make[soaking[counter % #soaking + 1]]() end
  return make[operation]()
end

function done(summary, latency)
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write +
    summary.errors.status + summary.errors.timeout
  io.write(string.format("RESULT %d %.3f %.3f %d\n", summary.requests,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, errors))
end
