// Draw a picture with the fused graph of a model without detail, under Node.
// It has 1 or 3 channels and is written as PGM or PPM.
//
// Install: npm install --ignore-scripts onnxruntime-node (the package contains the binaries)
// Usage: node sample.cjs BUNDLE WIDTHxHEIGHT SEED OUT.ppm

const fs = require('node:fs');
const path = require('node:path');
const ort = require('onnxruntime-node');

const HALO = 5; // what a generator sees beyond its canvas, on every side

// The high 32 bits of the product of two 32-bit words, from halves that a double holds exactly.
function high(a, b) {
  const [ah, al, bh, bl] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = ah * bl + ((al * bl) >>> 16);
  const rest = al * bh + (middle % 65536);
  return ah * bh + Math.floor(middle / 65536) + Math.floor(rest / 65536);
}

// Four random 32-bit words of a counter: docs/noise.md, 'From arguments to words'.
function philox(counter, key) {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [h0, l0] = [high(c0, 0xd2511f53), Math.imul(c0, 0xd2511f53) >>> 0];
    const [h1, l1] = [high(c2, 0xcd9e8d57), Math.imul(c2, 0xcd9e8d57) >>> 0];
    [c0, c1, c2, c3] = [(h1 ^ c1 ^ k0) >>> 0, l1, (h0 ^ c3 ^ k1) >>> 0, l0];
    [k0, k1] = [(k0 + 0x9e3779b9) >>> 0, (k1 + 0xbb67ae85) >>> 0];
  }
  return [c0, c1, c2, c3];
}

// Two standard normal values from two words: docs/noise.md, 'From words to noise'.
function gauss(a, b) {
  const radius = Math.sqrt(-2 * Math.log((a + 0.5) / 2 ** 32));
  const angle = (2 * Math.PI * (b + 0.5)) / 2 ** 32;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

// The input noise_<scale>: unit noise of a canvas and its halo. With border zero the halo is 0.
function unitNoise(manifest, seed, scale, height, width) {
  const channels = manifest.noise_channels[scale];
  const key = [Number(seed % 2n ** 32n), Number(seed / 2n ** 32n)];
  const rim = manifest.border === 'zero' ? 0 : HALO;
  const [rows, columns] = [height + 2 * HALO, width + 2 * HALO];
  const values = new Float32Array(channels * rows * columns);
  for (let channel = 0; channel < channels; channel++) {
    for (let y = -rim; y < height + rim; y++) {
      const row = (channel * rows + y + HALO) * columns + HALO;
      for (let group = Math.floor(-rim / 4); 4 * group < width + rim; group++) {
        const words = philox([group >>> 0, y >>> 0, 0, scale * 65536 + channel], key);
        const four = [...gauss(words[0], words[1]), ...gauss(words[2], words[3])];
        for (let n = 0; n < 4; n++) {
          const x = 4 * group + n;
          if (x >= -rim && x < width + rim) values[row + x] = four[n];
        }
      }
    }
  }
  return new ort.Tensor('float32', values, [1, channels, rows, columns]);
}

// Round to the nearest whole number, halves to the even one.
function round(value) {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}

// Find the canvas [height, width] of every scale at zoom 1, the coarsest first.
function canvases(manifest, height, width) {
  const area = ([h, w]) => h * w;
  const finest = manifest.shapes.length - 1;
  return manifest.shapes.map((shape, scale) => {
    if (scale === finest) return [height, width];
    const ratio = Math.sqrt(area(shape) / area(manifest.shapes[finest]));
    return [round(height * ratio), round(width * ratio)];
  });
}

async function main(bundle, size, seed, out) {
  const [width, height] = size.split('x').map(Number);
  const manifest = JSON.parse(fs.readFileSync(path.join(bundle, 'manifest.json'), 'utf8'));
  const session = await ort.InferenceSession.create(path.join(bundle, 'fused', 'pyramid.onnx'));
  const noises = {};
  canvases(manifest, height, width).forEach(([h, w], scale) => {
    noises[`noise_${scale}`] = unitNoise(manifest, BigInt(seed), scale, h, w);
  });
  const image = (await session.run(noises)).image.data; // (1, C, height, width) in [-1, 1]
  const pixels = Buffer.alloc(image.length);
  const channels = manifest.channels;
  for (let at = 0; at < height * width; at++) {
    for (let channel = 0; channel < channels; channel++) {
      const unit = (image[channel * height * width + at] + 1) / 2;
      pixels[at * channels + channel] = Math.floor(Math.min(Math.max(unit, 0), 1) * 255 + 0.5);
    }
  }
  fs.writeFileSync(out, Buffer.concat([Buffer.from(`P${channels === 1 ? 5 : 6}\n${width} ${height}\n255\n`), pixels]));
}

main(...process.argv.slice(2));
