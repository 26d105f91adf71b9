"""External power meters on the network, by Shelly, Tasmota, HTTP and JSON, or MQTT."""
