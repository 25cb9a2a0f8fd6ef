"""Kubernetes: Deployments for the two sides; a VirtualService, an HTTPRoute or an Ingress for the weights.

Slackwater touches the declared objects and nothing else: it applies its own canary Deployment, sets the image
of the stable one, and changes in one object how the traffic is shared out. Every change names the revision it
was made on; when somebody else was faster, it is read and thought over again.
"""

from bot.platforms.kubernetes.deployments import KubernetesPlatform
from bot.platforms.kubernetes.router import ObjectRouter, router

__all__ = ["KubernetesPlatform", "ObjectRouter", "router"]
