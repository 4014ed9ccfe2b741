import type { Right } from './fixture.ts'

interface Said {
  readonly topic: string
  readonly payload: string
  readonly retain?: boolean
}

/** A stock device as it comes: what it says and listens to, by its firmware's documentation. */
export interface StockDevice {
  readonly name: string
  readonly clientId: string
  readonly will: Said
  readonly subscribes: readonly string[]
  readonly says: readonly Said[]
  /** What others tell it. */
  readonly told: readonly Said[]
  /** All that it needs: channels of its first levels, and its own part of them. */
  readonly rights: readonly Right[]
}

const json = JSON.stringify
const own = (channel: string, ...patterns: readonly string[]): Right[] =>
  patterns.map(pattern => ({ channel, pattern, actions: ['publish', 'subscribe'] }))

const tasmota: StockDevice = {
  name: 'Tasmota',
  clientId: 'DVES_8A5B2C',
  will: { topic: 'tele/tasmota_8A5B2C/LWT', payload: 'Offline', retain: true },
  subscribes: ['cmnd/tasmota_8A5B2C/#', 'cmnd/tasmotas/#', 'cmnd/DVES_8A5B2C_fb/#'],
  says: [
    { topic: 'tele/tasmota_8A5B2C/LWT', payload: 'Online', retain: true },
    { topic: 'cmnd/tasmota_8A5B2C/POWER', payload: '' },
    {
      topic: 'tele/tasmota_8A5B2C/STATE',
      payload: json({ Time: '2026-11-25T20:00:00', Uptime: '0T00:00:12', POWER: 'ON', Wifi: { RSSI: 80 } }),
    },
    {
      topic: 'tele/tasmota_8A5B2C/SENSOR',
      payload: json({ Time: '2026-11-25T20:00:00', ENERGY: { Power: 12, Voltage: 230, Current: 0.05 } }),
    },
    { topic: 'stat/tasmota_8A5B2C/RESULT', payload: json({ POWER: 'ON' }) },
    { topic: 'stat/tasmota_8A5B2C/POWER', payload: 'ON' },
  ],
  told: [
    { topic: 'cmnd/tasmota_8A5B2C/POWER', payload: 'TOGGLE' },
    { topic: 'cmnd/tasmotas/Status', payload: '0' },
  ],
  rights: [
    ...own('tele', 'tasmota_8A5B2C/#'),
    ...own('stat', 'tasmota_8A5B2C/#'),
    ...own('cmnd', 'tasmota_8A5B2C/#', 'tasmotas/#', 'DVES_8A5B2C_fb/#'),
  ],
}

const shelly: StockDevice = {
  name: 'Shelly',
  clientId: 'shelly1-B929CC',
  will: { topic: 'shellies/shelly1-B929CC/online', payload: 'false', retain: true },
  subscribes: ['shellies/command', 'shellies/shelly1-B929CC/command', 'shellies/shelly1-B929CC/relay/0/command'],
  says: [
    { topic: 'shellies/shelly1-B929CC/online', payload: 'true', retain: true },
    { topic: 'shellies/announce', payload: json({ id: 'shelly1-B929CC', model: 'SHSW-1', new_fw: false }) },
    { topic: 'shellies/shelly1-B929CC/relay/0', payload: 'off', retain: true },
    { topic: 'shellies/shelly1-B929CC/input/0', payload: '0', retain: true },
  ],
  told: [
    { topic: 'shellies/command', payload: 'announce' },
    { topic: 'shellies/shelly1-B929CC/relay/0/command', payload: 'on' },
  ],
  rights: own('shellies', 'shelly1-B929CC/#', 'announce', 'command'),
}

const zigbee2mqtt: StockDevice = {
  name: 'zigbee2mqtt',
  clientId: 'mqttjs_1234abcd',
  will: { topic: 'zigbee2mqtt/bridge/state', payload: json({ state: 'offline' }), retain: true },
  subscribes: ['zigbee2mqtt/#'],
  says: [
    { topic: 'zigbee2mqtt/bridge/state', payload: json({ state: 'online' }), retain: true },
    { topic: 'zigbee2mqtt/bridge/info', payload: json({ version: '2.1.0', network: { channel: 11 } }), retain: true },
    { topic: 'zigbee2mqtt/Living room/ceiling lamp', payload: json({ brightness: 120, state: 'ON', linkquality: 98 }) },
    { topic: 'zigbee2mqtt/0x00158d0001a2b3c4', payload: json({ temperature: 21.37, humidity: 48.2, battery: 91 }) },
    { topic: 'zigbee2mqtt/0x00158d0001a2b3c4/availability', payload: json({ state: 'online' }), retain: true },
  ],
  told: [
    { topic: 'zigbee2mqtt/Living room/ceiling lamp/set', payload: json({ state: 'OFF', transition: 2 }) },
    { topic: 'zigbee2mqtt/bridge/request/permit_join', payload: json({ time: 60 }) },
  ],
  rights: own('zigbee2mqtt', '#'),
}

const homie: StockDevice = {
  name: 'Homie',
  clientId: 'homie-thermo1',
  will: { topic: 'homie/thermo1/$state', payload: 'lost', retain: true },
  subscribes: ['homie/thermo1/+/+/set', 'homie/$broadcast/#'],
  says: [
    { topic: 'homie/thermo1/$homie', payload: '4.0.0', retain: true },
    { topic: 'homie/thermo1/$state', payload: 'init', retain: true },
    { topic: 'homie/thermo1/$nodes', payload: 'sensor', retain: true },
    { topic: 'homie/thermo1/sensor/$properties', payload: 'temperature', retain: true },
    { topic: 'homie/thermo1/sensor/temperature/$unit', payload: '°C', retain: true },
    { topic: 'homie/thermo1/sensor/temperature', payload: '21.4', retain: true },
    { topic: 'homie/thermo1/$state', payload: 'ready', retain: true },
  ],
  told: [
    { topic: 'homie/thermo1/sensor/temperature/set', payload: '22' },
    { topic: 'homie/$broadcast/alert', payload: 'ice' },
  ],
  rights: [...own('homie', 'thermo1/#'), { channel: 'homie', pattern: '$broadcast/#', actions: ['subscribe'] }],
}

/** Whoever announces itself to Home Assistant, here ESPHome. An empty config takes the announcement back. */
const discovery: StockDevice = {
  name: 'Home Assistant discovery',
  clientId: 'weather-a1b2c3',
  will: { topic: 'weather/status', payload: 'offline', retain: true },
  subscribes: ['homeassistant/status'],
  says: [
    {
      topic: 'homeassistant/sensor/weather_a1b2c3/temperature/config',
      payload: json({
        '~': 'weather',
        name: 'Temperature',
        uniq_id: 'a1b2c3-temperature',
        stat_t: '~/sensor/temperature/state',
        avty_t: '~/status',
        dev_cla: 'temperature',
        unit_of_meas: '°C',
        dev: { ids: 'a1b2c3', name: 'weather', sw: 'esphome v2025.11.0', mdl: 'esp32dev', mf: 'espressif' },
      }),
      retain: true,
    },
    {
      topic: 'homeassistant/binary_sensor/weather_a1b2c3/rain/config',
      payload: json({ name: 'Rain', uniq_id: 'a1b2c3-rain', stat_t: 'weather/binary_sensor/rain/state' }),
      retain: true,
    },
    { topic: 'weather/status', payload: 'online', retain: true },
    { topic: 'weather/sensor/temperature/state', payload: '7.3', retain: true },
    { topic: 'homeassistant/binary_sensor/weather_a1b2c3/rain/config', payload: '', retain: true },
  ],
  told: [{ topic: 'homeassistant/status', payload: 'online' }],
  rights: [
    ...own('weather', '#'),
    ...own('homeassistant', '+/weather_a1b2c3/#'),
    { channel: 'homeassistant', pattern: 'status', actions: ['subscribe'] },
  ],
}

export const stockDevices: readonly StockDevice[] = [tasmota, shelly, zigbee2mqtt, homie, discovery]
