"""Kubernetes: Deployments for the two sides, an Istio VirtualService for the weights.

Slackwater touches the declared objects and nothing else: it applies its own canary Deployment, sets the image
of the stable one, and changes two routes of the VirtualService. Every change names the revision it was made
on; when somebody else was faster, it is read and thought over again.
"""

from bot.platforms.kubernetes.deployments import KubernetesPlatform
from bot.platforms.kubernetes.istio import IstioRouter

__all__ = ["IstioRouter", "KubernetesPlatform"]
