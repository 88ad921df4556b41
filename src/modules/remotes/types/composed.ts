import { z } from 'zod';
import { line, yesNo } from './fields.js';
import { obscured, option, type PartRules, type RemoteTypeDefinition } from './remote-type.js';

/** More parts than this make every look at the whole slow. */
const MOST_PARTS = 16;
const ONE: PartRules = { least: 1, most: 1, named: false, readOnly: false };

const EXISTING_PATH = ['epall', 'epff', 'eplfs', 'eplno', 'eplus', 'epmfs', 'eprand'] as const;
const ANYWHERE = ['all', 'ff', 'lfs', 'lno', 'lus', 'mfs', 'newest', 'rand'] as const;
const policy = z.enum([...EXISTING_PATH, ...ANYWHERE]);

export const alias: RemoteTypeDefinition = {
  type: 'alias',
  summary: 'A folder of another remote.',
  root: 'none',
  options: {},
  secrets: {},
  fixed: {},
  parts: ONE,
};

export const crypt: RemoteTypeDefinition = {
  type: 'crypt',
  summary: 'A folder of another remote, encrypted. Without its passwords nobody can read it again.',
  root: 'none',
  options: {
    fileNames: option('filename_encryption', z.enum(['standard', 'obfuscate', 'off']).default('standard')),
    folderNames: option('directory_name_encryption', yesNo.default(true)),
    nameEncoding: option('filename_encoding', z.enum(['base32', 'base64', 'base32768']).default('base32')),
  },
  secrets: { password: obscured('password', line()), salt: obscured('password2', line().optional()) },
  fixed: { show_mapping: false },
  parts: ONE,
};

export const union: RemoteTypeDefinition = {
  type: 'union',
  summary: 'Several remotes as one.',
  root: 'none',
  options: {
    actionPolicy: option('action_policy', policy.default('epall')),
    createPolicy: option('create_policy', policy.default('epmfs')),
    searchPolicy: option('search_policy', policy.default('ff')),
  },
  secrets: {},
  fixed: {},
  parts: { least: 1, most: MOST_PARTS, named: false, readOnly: true },
};

export const combine: RemoteTypeDefinition = {
  type: 'combine',
  summary: 'Several remotes as folders of one.',
  root: 'none',
  options: {},
  secrets: {},
  fixed: {},
  parts: { least: 1, most: MOST_PARTS, named: true, readOnly: false },
};
