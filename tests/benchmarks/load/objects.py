#!/usr/bin/python3
"""Fills the namespace "load" with 500 pods of 2.5 kB that nobody runs and 20 ConfigMaps to be
watched, and "load-apps" with 50 deployments without replicas. objects.py URL TOKEN
"""
import http.client
import json
import ssl
import sys
import urllib.parse


def main():
    url = urllib.parse.urlparse(sys.argv[1])
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    server = http.client.HTTPSConnection(url.hostname, url.port, context=context)

    def create(path, body):
        server.request(
            "POST",
            url.path + path,
            json.dumps(body),
            {"Authorization": "Bearer " + sys.argv[2], "Content-Type": "application/json"},
        )
        answer = server.getresponse()
        text = answer.read()
        if answer.status != 201:
            sys.exit(f"{path}: {answer.status} {text.decode()}")

    for name in ("load", "load-apps"):
        create("/api/v1/namespaces", {"metadata": {"name": name}})
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5}
    container = {
        "name": "main",
        "image": "registry.example/app:1.2.3",
        "command": ["/bin/app", "--listen", ":8080"],
        "env": [{"name": f"SETTING_{i}", "value": f"value-{i}"} for i in range(10)],
        "ports": [{"containerPort": 8080, "name": "http"}],
        "resources": {
            "limits": {"cpu": "500m", "memory": "256Mi"},
            "requests": {"cpu": "100m", "memory": "64Mi"},
        },
        "readinessProbe": probe,
        "livenessProbe": probe,
    }
    template = {
        "metadata": {"labels": {"app": "load"}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 30},
    }
    for i in range(500):
        pod = json.loads(json.dumps(template))
        pod["metadata"] = {
            "name": f"pod-{i}",
            "labels": {"app": "load", "group": f"g{i % 25}"},
        }
        pod["spec"]["schedulerName"] = "nobody"
        create("/api/v1/namespaces/load/pods", pod)
    for i in range(50):
        spec = {"replicas": 0, "selector": {"matchLabels": {"app": "load"}}, "template": template}
        create(
            "/apis/apps/v1/namespaces/load-apps/deployments",
            {"metadata": {"name": f"deploy-{i}"}, "spec": spec},
        )
    for i in range(20):
        body = {"metadata": {"name": f"watched-{i}"}, "data": {"key": "value", "pad": "x" * 200}}
        create("/api/v1/namespaces/load/configmaps", body)


main()
