// A Standard MIDI File, format 0 (MIDI 1.0, "Standard MIDI Files 1.0"), as much of it as fluidsynth needs to play
// notes.

/** Ticks a quarter note. */
const DIVISION = 480
/** Microseconds a quarter note, fixed: one tick is then 1/960 s, and tempo is in the times of the notes. */
const QUARTER_MICROSECONDS = 500_000
const TICKS_A_SECOND = (DIVISION * 1e6) / QUARTER_MICROSECONDS

/** A variable-length quantity: seven bits a byte, the highest first. */
function variableLength(value) {
  const bytes = [value & 0x7f]
  for (let rest = value >> 7; rest > 0; rest >>= 7) bytes.unshift((rest & 0x7f) | 0x80)
  return bytes
}

function chunk(kind, bytes) {
  const head = Buffer.alloc(8)
  head.write(kind, 'ascii')
  head.writeUInt32BE(bytes.length, 4)
  return Buffer.concat([head, Buffer.from(bytes)])
}

/**
 * @param {{ time: number, seconds: number, channel: number, program: number, note: number, velocity: number }[]} notes
 * times in seconds; channel 9 is percussion and takes no program
 */
export function encodeMidi(notes) {
  const events = []
  for (const { time, seconds, channel, program, note, velocity } of notes) {
    const [on, off] = [time, time + seconds].map(t => Math.round(t * TICKS_A_SECOND))
    // At one tick: notes end, then instruments change, then notes begin.
    events.push({ tick: off, order: 0, bytes: [0x80 | channel, note, 0] })
    if (channel !== 9) events.push({ tick: on, order: 1, bytes: [0xc0 | channel, program] })
    events.push({ tick: on, order: 2, bytes: [0x90 | channel, note, velocity] })
  }
  events.sort((a, b) => a.tick - b.tick || a.order - b.order)
  const track = [
    0,
    0xff,
    0x51,
    3,
    QUARTER_MICROSECONDS >> 16,
    (QUARTER_MICROSECONDS >> 8) & 255,
    QUARTER_MICROSECONDS & 255,
  ]
  let before = 0
  for (const { tick, bytes } of events) {
    for (const byte of variableLength(tick - before)) track.push(byte)
    track.push(...bytes)
    before = tick
  }
  track.push(0, 0xff, 0x2f, 0)
  return Buffer.concat([chunk('MThd', [0, 0, 0, 1, DIVISION >> 8, DIVISION & 255]), chunk('MTrk', track)])
}
