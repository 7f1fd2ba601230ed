"""Simulated mining hardware for tests written in Python: a client of `adit-sim serve --control`.

One file, standard library only, Python 3.8 or newer. Copy it into your project.

    import adit_sim

    with adit_sim.serve("block-erupter", pty="./stick", target_difficulty=1e-4) as sim:
        stick = sim.device()                 # what your host program opens is ./stick
        stick.fault("drop_byte", times=3, to="host")
        ...                                  # run your host program, and look at what it did:
        for line in stick.said(sender="host"):
            print(line["at_us"], line["frame"])

`serve` starts the program `adit-sim`, found on PATH, in the variable ADIT_SIM, or given as `program`.
`Simulator("http://127.0.0.1:4090")` controls one that is running already. docs/simulator.md describes faults and commands.
"""

import contextlib
import json
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request

__all__ = ["Device", "Refused", "Simulator", "serve"]


class Refused(Exception):
    """The simulator has not done what it was asked for: one sentence says why. `status` is that of HTTP."""

    def __init__(self, status, sentence):
        super().__init__(sentence)
        self.status = status


class Simulator:
    """A running simulator with a control interface at `url`."""

    def __init__(self, url, timeout=60.0):
        self.url = url.rstrip("/")
        self.timeout = timeout

    def devices(self):
        """All devices, as `Device`."""
        return [Device(self, row["name"]) for row in self._get("/devices")["devices"]]

    def device(self, name=None):
        """The device called `name`; without a name, the first."""
        return Device(self, name) if name else self.devices()[0]

    def faults(self):
        """Every fault: a list of `{"name", "what", "at", "devices"}`."""
        return self._get("/faults")["faults"]

    def clear(self):
        """Nothing goes wrong any more at any device."""
        self._post("/commands", {"do": "clear"})

    def step(self, seconds):
        """Lets so many seconds of the devices' time pass at once."""
        self._post("/time", {"step_seconds": seconds})

    def set_speed(self, speed):
        """From now on so many seconds of the devices' time pass in a real one; 0 holds it."""
        self._post("/time", {"speed": speed})

    def _get(self, path, **query):
        query = {key: value for key, value in query.items() if value is not None}
        return self._ask(path + ("?" + urllib.parse.urlencode(query) if query else ""), None)

    def _post(self, path, body):
        return self._ask(path, json.dumps(body).encode())

    def _ask(self, path, body):
        request = urllib.request.Request(self.url + "/api/v1" + path, data=body)
        request.add_header("Content-Type", "application/json")
        try:
            # no proxy: the simulator is on this machine
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(request, timeout=self.timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
            try:
                sentence = json.loads(text)["detail"]
            except (ValueError, KeyError):
                sentence = text.decode(errors="replace")
            raise Refused(error.code, sentence) from None


class Device:
    """One simulated device."""

    def __init__(self, simulator, name):
        self.simulator = simulator
        self.name = name
        self._path = "/devices/" + urllib.parse.quote(name, safe="")

    def __repr__(self):
        return "Device(%r)" % self.name

    def state(self):
        """Everything that is known of it: `plugged`, `jobs`, `nonces`, `faults` … and the state inside, `insides`."""
        return self.simulator._get(self._path)

    def insides(self):
        """Temperatures, fan, voltages, chips and I2C parts; `None` where it has no such part."""
        return self.state()["insides"]

    def registers(self, chip=0):
        """The registers of a chip as a host would read them, as `{number: value}`; those that read 0 are left out."""
        found = self.simulator._get("%s/chips/%d" % (self._path, chip))
        return {it["register"]: it["value"] for it in found["registers"]}

    def i2c(self, address, register, count=None):
        """The bytes that a read of a part on the I2C bus would give; `None` where it does not answer."""
        found = self.simulator._get("%s/i2c/%d" % (self._path, address), register=register, count=count)
        return None if found["bytes"] is None else bytes.fromhex(found["bytes"])

    def said(self, after=0, sender=None):
        """What was said on its wires, decoded, and what happened: a list of `{"id", "at_us", "from", "frame", "event" …}`.
        `after`: only from this `id` on. `sender`: "host" or "device" leaves out what the other has said."""
        lines = []
        while True:
            page = self.simulator._get(self._path + "/said", after=after, limit=500, **{"from": sender})
            lines += page["said"]
            if page["next"] == after:
                return lines
            after = page["next"]

    def fault(self, fault, times=1, to=None):
        """Something goes wrong now, or with the next `times` things that it can happen to. `to`: "host" or "device", of faults on
        the wire the side whose bytes suffer."""
        self.do("fault", fault=fault, times=times, to=to)

    def chance(self, fault, probability):
        """From now on something goes wrong by itself; 0 ends it."""
        self.do("chance", fault=fault, probability=probability)

    def clear(self):
        """Nothing goes wrong any more."""
        self.do("clear")

    def unplug(self, seconds=None):
        """Pulls the plug, and puts it back after so many seconds if they are given."""
        self.do("unplug", seconds=seconds)

    def replug(self):
        """Puts the plug back: everything is in its reset state then."""
        self.do("replug")

    def ambient(self, celsius):
        """The air around has this temperature."""
        self.do("ambient", celsius=celsius)

    def temperature(self, celsius, chip=None):
        """The chips, or one of them, have this temperature and keep it; `None`: they follow power and cooling again."""
        self.do("temperature", celsius=celsius, chip=chip)

    def do(self, what, **fields):
        """A command of the control interface by its name."""
        fields = {key: value for key, value in fields.items() if value is not None}
        self.simulator._post(self._path + "/commands", {"do": what, **fields})


@contextlib.contextmanager
def serve(model, pty=None, tcp=None, count=1, seed=1, target_difficulty=None, scenario=None, settings=None, program=None):
    """Starts `adit-sim serve` and gives its `Simulator`, whose `ready` holds what it said of each device, such as
    `ready[0]["ports"][0]["path"]`; ends it on leaving. `settings`: a dictionary of what the model can be set to."""
    program = program or os.environ.get("ADIT_SIM", "adit-sim")
    line = [program, "serve", "--json", "--control", "127.0.0.1:0", "--model", model, "--count", str(count), "--seed", str(seed)]
    for option, value in [("--pty", pty), ("--tcp", tcp), ("--target-difficulty", target_difficulty), ("--scenario", scenario)]:
        if value is not None:
            line += [option, str(value)]
    for key, value in (settings or {}).items():
        line += ["--set", "%s=%s" % (key, value)]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    try:
        ready = []
        for text in process.stdout:
            event = json.loads(text)
            if event["event"] == "control":
                simulator = Simulator(event["url"])
                simulator.ready = ready
                simulator.process = process
                break
            ready.append(event)
        else:
            raise RuntimeError("adit-sim did not start; its message is above (exit status %d)" % process.wait())
        yield simulator
    finally:
        process.terminate()
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
