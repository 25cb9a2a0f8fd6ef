"""The kubeconfig by which any client finds the simulated cluster."""

import yaml


def kubeconfig_text(url: str, token: str, namespace: str = "production") -> str:
    """One cluster, one user, one context, all named `simulated`."""
    name = "simulated"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
        "current-context": name,
    }
    return yaml.safe_dump(content, sort_keys=False)
