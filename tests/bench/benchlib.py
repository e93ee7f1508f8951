"""What the scripts of this folder share: the machine, tables, processes, the load generator."""
import datetime
import json
import os
import pathlib
import platform
import re
import resource
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "s3"))
import hinkserver  # noqa: E402

BUCKET = "hink-bench"


def first_match(path, pattern):
    try:
        match = re.search(pattern, pathlib.Path(path).read_text(), re.M)
    except OSError:
        return None
    return match.group(1).strip() if match else None


def mount_of(folder):
    """The file system that `folder` is on: its type and what it is mounted from."""
    best = ("", "unknown", "")
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        source, point, kind = line.split()[:3]
        inside = str(folder) == point or str(folder).startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):
            best = (point, kind, source)
    return f"{best[1]} on {best[2]}"


def describe_machine(folder):
    memory_kib = int(first_match("/proc/meminfo", r"^MemTotal:\s+(\d+)"))
    return {
        "date": datetime.date.today().isoformat(),
        "processor": first_match("/proc/cpuinfo", r"^model name\s*:\s*(.*)$") or
                     platform.machine(),
        "cores": os.cpu_count(),
        "memory": f"{memory_kib / 2**20:.1f} GiB",
        "kernel": platform.release(),
        "data on": mount_of(folder),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "commit": subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"],
                                 capture_output=True, text=True).stdout.strip(),
    }


def table(titles, rows):
    print("| " + " | ".join(titles) + " |")
    print("|" + "|".join([" --- "] + [" ---: "] * (len(titles) - 1)) + "|")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


def number(value):
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.1f}"


NGINX_CONF = """
worker_processes auto; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 2048; }}
http {{
  access_log off; sendfile on; keepalive_requests 1000000000; open_file_cache max=2000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port} reuseport; root {folder}/www; }}
}}
"""


def start_nginx(nginx, folder, count=1000, size=4096):
    """A static file server with `count` objects of `size` bytes; its process and port."""
    objects = folder / "www" / BUCKET / "hinkbench"
    objects.mkdir(parents=True)
    for index in range(count):
        (objects / f"{index:08d}").write_bytes(os.urandom(size))
    port = hinkserver.free_port()
    conf = folder / "nginx.conf"
    conf.write_text(("user root;" if os.geteuid() == 0 else "") +
                    NGINX_CONF.format(folder=folder, port=port))
    process = subprocess.Popen([nginx, "-c", conf, "-g", "daemon off;"],
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    return process, port


def cpu_of_children():
    """Seconds of processor time of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cpu_of(pid):
    """Seconds of processor time that a running process has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bench(hink, words, env=None):
    out = subprocess.run([hink, "bench", *words, "--json"], check=True, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, env=env).stdout
    return json.loads(out)
