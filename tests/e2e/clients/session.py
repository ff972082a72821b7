"""What python3-kubernetes does with a cluster: lists, watches, patches, reads logs, executes."""
from kubernetes import client, config, watch
from kubernetes.client.rest import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.stream import stream

config.load_kube_config()
core, apps = client.CoreV1Api(), client.AppsV1Api()
ns = "simple-micro"

assert client.VersionApi().get_code().git_version.startswith("v1."), "version"
pods = core.list_namespaced_pod(ns, label_selector="app=hello-service").items
assert len(pods) == 1 and pods[0].status.phase == "Running", pods
page = core.list_namespaced_pod(ns, limit=1)
assert page.metadata._continue and page.metadata.remaining_item_count >= 1, page.metadata
rest = core.list_namespaced_pod(ns, _continue=page.metadata._continue)
assert rest.items, rest

core.create_namespaced_config_map(ns, {"metadata": {"name": "m"}, "data": {"a": "1"}})
seen = []
for event in watch.Watch().stream(core.list_namespaced_config_map, ns, timeout_seconds=20,
                                  field_selector="metadata.name=m"):
    seen.append((event["type"], event["object"].data))
    if len(seen) == 1:
        core.patch_namespaced_config_map("m", ns, {"data": {"a": "2"}})
    if len(seen) == 2:
        break
assert seen == [("ADDED", {"a": "1"}), ("MODIFIED", {"a": "2"})], seen

scaled = apps.patch_namespaced_deployment_scale("hello-service", ns, {"spec": {"replicas": 2}})
assert scaled.spec.replicas == 2, scaled
patched = core.patch_namespaced_config_map("m", ns, [{"op": "replace", "path": "/data/a", "value": "3"}])
assert patched.data == {"a": "3"}, patched
stale = core.read_namespaced_config_map("m", ns)
core.patch_namespaced_config_map("m", ns, {"data": {"b": "4"}})
try:
    core.replace_namespaced_config_map("m", ns, stale)
    raise AssertionError("a stale write went through")
except ApiException as e:
    assert e.status == 409 and "the object has been modified" in e.body, e

name = pods[0].metadata.name
assert isinstance(core.read_namespaced_pod_log(name, ns, container="hello-service", tail_lines=2), str)
said = stream(core.connect_get_namespaced_pod_exec, name, ns, container="hello-service",
              command=["sh", "-c", "echo out; echo err >&2"], stdout=True, stderr=True,
              stdin=False, tty=False)
assert "out" in said and "err" in said, said

dynamic = DynamicClient(client.ApiClient())
deployments = dynamic.resources.get(api_version="apps/v1", kind="Deployment")
assert any(d.metadata.name == "hello-service" for d in deployments.get(namespace=ns).items)
events = client.EventsV1Api().list_namespaced_event(ns).items
assert events and all(e.event_time for e in events), "eventTime"
gone = core.delete_namespaced_config_map("m", ns)
assert gone.status == "Success", gone
print("all well")
