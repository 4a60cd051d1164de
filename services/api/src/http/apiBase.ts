/** Where the REST API begins. */
export const apiBase = '/api/v1';
