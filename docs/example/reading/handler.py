import json
import os
import urllib.parse
import urllib.request


def secret(name):
    """Returns a secret that is a JSON object, from the extension, which keeps it for SECRETS_MANAGER_TTL seconds."""
    port = os.environ.get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "2773")
    url = "http://localhost:" + port + "/secretsmanager/get?" + urllib.parse.urlencode({"secretId": name})
    request = urllib.request.Request(url, headers={"X-Aws-Parameters-Secrets-Token": os.environ["AWS_SESSION_TOKEN"]})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.loads(json.load(answer)["SecretString"])


def handler(event, context):
    db = secret(os.environ["DB_SECRET"])  # in each call, so that a rotation is followed
    return {"user": db["username"], "known": bool(db["password"])}
