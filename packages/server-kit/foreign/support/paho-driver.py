"""Drives paho-mqtt 1.6: one command a line on stdin, as JSON; one answer or event a line on stdout.

It connects once, and by itself again where it is told to.
"""

import json
import queue
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

VERSIONS = {"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311, "5": mqtt.MQTTv5}
out = threading.Lock()
answers = queue.Queue()


def say(**event):
    with out:
        print(json.dumps(event), flush=True)


def code_of(reason):
    """Before MQTT 5 a code is a number; with it, an object that has one."""
    return getattr(reason, "value", reason)


def properties_of(packet_type, given):
    if not given:
        return None
    properties = Properties(packet_type)
    for name, value in given.items():
        if name == "UserProperty":
            value = [tuple(pair) for pair in value]
        elif name == "CorrelationData":
            value = bytes.fromhex(value)
        setattr(properties, name, value)
    return properties


class Driver:
    def connect(
        self, host, port, version, id, username, password, clean=True, keepalive=60, will=None, properties=None, returns=False
    ):
        self.is_5 = version == "5"
        options = {} if self.is_5 else {"clean_session": clean}
        self.client = client = mqtt.Client(client_id=id, protocol=VERSIONS[version], **options)
        client.username_pw_set(username, password)
        if will:
            extra = {"properties": properties_of(PacketTypes.WILLMESSAGE, will.get("properties"))} if self.is_5 else {}
            client.will_set(will["topic"], will["payload"], will["qos"], will["retain"], **extra)
        client.on_connect = lambda _client, _data, flags, code, *more: self.connected(
            {
                "sessionPresent": bool(flags["session present"]),
                "code": code_of(code),
                "properties": more[0].json() if more and more[0] else {},
            }
        )
        self.is_back = False
        client.reconnect_delay_set(1, 1)
        client.on_subscribe = lambda _client, _data, _mid, codes, *more: answers.put({"codes": [code_of(c) for c in codes]})
        client.on_unsubscribe = lambda _client, _data, _mid, *more: answers.put(
            # MQTT 5 has the properties first, and codes only there: one, or a list of them.
            {"codes": [code_of(c) for c in (more[1] if isinstance(more[1], list) else [more[1]])] if more else []}
        )
        client.on_message = lambda _client, _data, message: say(
            event="message",
            topic=message.topic,
            payload=message.payload.decode(),
            qos=message.qos,
            retain=bool(message.retain),
            dup=bool(message.dup),
            properties=message.properties.json() if self.is_5 and message.properties else {},
        )
        client.on_disconnect = lambda _client, _data, code, *more: say(event="disconnect", code=code_of(code))
        extra = {"clean_start": clean, "properties": properties_of(PacketTypes.CONNECT, properties)} if self.is_5 else {}
        client.connect(host, port, keepalive, **extra)
        threading.Thread(target=client.loop_forever if returns else self.loop, daemon=True).start()
        return answers.get(timeout=20)

    def connected(self, answer):
        if self.is_back:
            say(event="connected", **answer)
        else:
            answers.put(answer)
        self.is_back = True

    def loop(self):
        while self.client.loop(timeout=0.05) == mqtt.MQTT_ERR_SUCCESS:
            pass

    def subscribe(self, filters, properties=None):
        if self.is_5:
            topics = [(filter, SubscribeOptions(**options)) for filter, options in filters]
            self.client.subscribe(topics, properties=properties_of(PacketTypes.SUBSCRIBE, properties))
        else:
            self.client.subscribe([(filter, options["qos"]) for filter, options in filters])
        return answers.get(timeout=20)

    def unsubscribe(self, filters):
        self.client.unsubscribe(filters)
        return answers.get(timeout=20)

    def publish(self, topic, payload, qos=0, retain=False, properties=None):
        extra = {"properties": properties_of(PacketTypes.PUBLISH, properties)} if self.is_5 else {}
        message = self.client.publish(topic, payload, qos, retain, **extra)
        message.wait_for_publish(timeout=20)
        return {"published": message.is_published()}

    def disconnect(self, code=None, properties=None):
        if self.is_5 and (code is not None or properties):
            from paho.mqtt.reasoncodes import ReasonCodes

            reason = ReasonCodes(PacketTypes.DISCONNECT, identifier=code or 0)
            self.client.disconnect(reason, properties_of(PacketTypes.DISCONNECT, properties))
        else:
            self.client.disconnect()
        return {}


driver = Driver()
for line in sys.stdin:
    command = json.loads(line)
    operation = command.pop("do")
    try:
        say(event="answer", **getattr(driver, operation)(**command))
    except Exception as error:
        say(event="answer", failed=f"{type(error).__name__}: {error}")
